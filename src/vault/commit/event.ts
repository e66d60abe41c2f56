import type { RowSum } from '../audit/row-set.ts';

/** Who did it. `host:` actors are a claim: the host's operating system said so, no credential was checked. */
export interface ActorStamp {
  readonly id: string;
  readonly kind: 'service' | 'custodian' | 'auditor' | 'host' | 'system' | 'unknown';
}

/** How the call came: `to` is who receives the answer, `from` the caller's address. */
export interface Origin {
  readonly via: 'http' | 'cli' | 'system';
  readonly to: 'caller';
  readonly from: string | null;
  readonly request: string;
  readonly trace: string | null;
}

export type Outcome = 'done' | 'denied' | 'failed';

/** What an event may say. It names a value by its row id and a subject by its random id, never by token or reference. */
export interface Facts {
  readonly reason?: string;
  readonly item?: number;
  readonly after?: number;
  readonly policy?: number;
  readonly collection?: { readonly id: string; readonly name: string };
  readonly purpose?: string;
  readonly ticket?: string;
  readonly row?: string;
  readonly rows?: RowSum & { readonly found: number; readonly refused: number };
  readonly subject?: string;
  readonly token?: string;
  readonly detail?: Readonly<Record<string, string | number | boolean | readonly string[] | null>>;
}

/** An audit record that has all but its time. */
export interface Draft {
  readonly action: string;
  readonly outcome: Outcome;
  readonly actor: ActorStamp;
  readonly origin: Origin;
  readonly facts: Facts;
  /** 16 random bytes, so that the bytes of a withheld event cannot be guessed from its leaf hash. */
  readonly salt: Uint8Array;
}

/** Largest event, in bytes. */
const MAX_EVENT = 16 * 1024;

/**
 * The bytes of an event (version 1, UTF-8 JSON, keys in this order): what is stored is what was hashed.
 * @param at milliseconds, settled inside the transaction: never before the last event's
 */
export function settle(draft: Draft, at: number): Uint8Array {
  const { action, outcome, facts, salt } = draft;
  const when = `{"v":1,"at":"${new Date(at).toISOString()}",`;
  const what = inner({ action, outcome });
  const random = Buffer.from(salt.buffer, salt.byteOffset, salt.byteLength).toString('base64url');
  const parts = [what, whoAndHow(draft), inner(facts), `"salt":"${random}"`].filter((part) => part !== '');
  const bytes = Buffer.from(`${when}${parts.join(',')}}`);
  if (bytes.length > MAX_EVENT) throw new RangeError('an event is larger than 16 KiB');
  return bytes;
}

/** When an event was committed, in milliseconds, as its bytes say; null for bytes that are no event's. */
export function timeIn(bytes: Uint8Array): number | null {
  const [, at = ''] = /^\{"v":1,"at":"([^"]{1,40})"/.exec(Buffer.from(bytes).toString('latin1')) ?? [];
  const time = Date.parse(at);
  return Number.isNaN(time) ? null : time;
}

/** The fields of an object as JSON, without its braces. */
const inner = (fields: object): string => JSON.stringify(fields).slice(1, -1);

/** What the events of one call share is written once: a batch has a thousand of them. */
const shared = new WeakMap<Origin, { readonly actor: ActorStamp; readonly text: string }>();

function whoAndHow({ actor, origin }: Draft): string {
  const known = shared.get(origin);
  if (known?.actor === actor) return known.text;
  const { via, to, from, request, trace } = origin;
  const text = inner({ actor, via, to, from: from ?? undefined, request, trace: trace ?? undefined });
  shared.set(origin, { actor, text });
  return text;
}
