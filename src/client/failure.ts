import { VaultError, type WrongPlace } from '../vault/error.ts';
import type { Code } from '../wire/codes.ts';
import type { Needed } from '../wire/shape.ts';

/** No answer came: whether a change happened is not known. `reason` is the system's word for why, as `ECONNREFUSED`. */
export class Unreachable extends VaultError {
  readonly reason: string;

  /** @param failure what was raised, or the word for it */
  constructor(failure: unknown) {
    super('unavailable');
    this.name = 'Unreachable';
    this.reason = typeof failure === 'string' ? failure : reasonOf(failure);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return error.name;
}

/** What of the vault's answer is kept. */
interface Refusal {
  readonly code: Code;
  readonly needed?: Needed;
  readonly requestId: string;
  readonly errors?: readonly WrongPlace[];
}

/** The vault's answer that refuses a call. Nothing in it repeats what was sent. */
export class Refused extends VaultError {
  /** Names the call in the vault's log and events: the one thing to tell whoever runs the vault. */
  readonly requestId: string;
  /** Of an `invalid_request`: where. */
  readonly errors: readonly WrongPlace[];
  /** Seconds after which the vault may be asked again, where it said so. */
  readonly retryAfter: number | null;

  constructor({ code, needed, requestId, errors }: Refusal, retryAfter: number | null) {
    super(code, needed ?? null);
    this.name = 'Refused';
    this.requestId = requestId;
    this.errors = errors ?? [];
    this.retryAfter = retryAfter;
  }
}

/** Seconds of a Retry-After header (RFC 9110 10.2.3); a date, which the vault never sends, counts as none. */
export const secondsOf = (header: string | null): number | null =>
  header !== null && /^\d{1,9}$/.test(header) ? Number(header) : null;
