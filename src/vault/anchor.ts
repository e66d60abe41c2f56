/** Port: somewhere off the host that keeps what the log was. */
export interface Anchor {
  /** As the settings name it; in findings, metrics and words. */
  readonly name: string;
  /** Whether it wants tiles and entries too. */
  readonly keeps: 'checkpoints' | 'log';
  /**
   * The newest that it keeps; null before the first. `note` is null where the place tells only the size. Nothing of it is
   * trusted: whoever asks holds it against the log.
   * @param asking a checkpoint that the log has signed: a witness answers nobody else, and takes it where it continues what it
   *   has seen. Null where none is signed yet
   * @throws AnchorFailed
   */
  readonly newest: (asking: AnchorAsking | null) => Promise<AnchorNewest | null>;
  /**
   * Done once it is kept. Answers signature lines that others added (cosignatures), if any. May be asked again for what it
   * keeps already.
   * @throws AnchorFailed
   */
  readonly put: (what: AnchorPut) => Promise<readonly string[]>;
}

export interface AnchorNewest {
  /** Of the log, in events. */
  readonly size: number;
  /** A signed note of C2SP tlog-checkpoint. */
  readonly note: string | null;
}

/** A checkpoint, and how it continues those before it. */
export interface AnchorAsking {
  /** A signed note of C2SP tlog-checkpoint. */
  readonly note: string;
  readonly size: number;
  /** Consistency proof from an earlier size to this one (RFC 9162 2.1.4); null for who only asks. */
  readonly consistency: ((from: number) => Promise<readonly Uint8Array[]>) | null;
}

export interface AnchorPut extends AnchorAsking {
  readonly consistency: (from: number) => Promise<readonly Uint8Array[]>;
  /**
   * For `keeps: 'log'`: files by their tlog-tiles path, to be durable before the checkpoint. The next is asked for once the one
   * before is kept.
   */
  readonly files: AsyncIterable<AnchorFile>;
}

export interface AnchorFile {
  /** As `tile/0/x001/234.p/12`: of our own making, never of a place's. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The largest note that is read of any place, in bytes. */
export const MOST_NOTE = 64 * 1024;
/** How long one call of a place may take, in milliseconds. */
export const ANCHOR_PATIENCE = 10_000;

/** A place did not do what it was asked for. The sentence is our own: nothing of what the place said is in it. */
export class AnchorFailed extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'AnchorFailed';
  }
}

/** A place says that the log does not continue what it keeps. */
export class AnchorContradicts extends AnchorFailed {
  /** Of what it keeps, in events. */
  readonly size: number;

  constructor(why: string, size: number) {
    super(why);
    this.name = 'AnchorContradicts';
    this.size = size;
  }
}
