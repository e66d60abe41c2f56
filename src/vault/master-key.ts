/**
 * Port: what wraps keys. Implementations live in `masterkey/`; all of it is asynchronous, since a master key may be in
 * another process or a hardware module.
 */
export interface MasterKey {
  /** Names the master key in key rows and contexts; not secret. */
  readonly id: string;
  state(): Promise<'ready' | 'sealed' | 'unreachable'>;
  /** Wraps 32 bytes, bound to `context`. */
  wrap(key: Uint8Array, context: Uint8Array): Promise<Uint8Array>;
  /** The 32 bytes, or null if the blob is not one that this key wrapped with this context. */
  unwrap(blob: Uint8Array, context: Uint8Array): Promise<Uint8Array | null>;
}
