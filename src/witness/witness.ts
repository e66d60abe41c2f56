import { cosign } from '../log/cosignature.ts';
import type { Signer } from '../log/note.ts';
import { EMPTY, root } from '../log/tree.ts';
import type { Verifier } from '../log/verifier.ts';
import {
  contradicts,
  decideCheckpoint,
  type SignedCheckpoint,
  type WitnessDecision,
  type Witnessed,
} from '../log/witness.ts';
import type { Happening, StateChange, WitnessState } from './state.ts';

/** A witness of C2SP tlog-witness (c2sp.org/tlog-witness): what it saw is on its disk before its signature is anywhere. */
export interface Witness {
  /** Answers the body of an add-checkpoint request. Synchronous: one at a time. */
  readonly add: (body: Uint8Array) => Added;
}

export interface WitnessDeps {
  readonly signer: Signer;
  readonly state: WitnessState;
  /** The keys that it takes an origin's checkpoints under; none for a log that it does not know. */
  readonly verifiersOf: (origin: string) => readonly Verifier[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** An answer. 503: the clock is set back too far for a signature to be true. */
export interface Added {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422 | 503;
  /** On 200 the cosignature's line, on 409 the size that was seen. */
  readonly body: string | null;
  /** What a log signed; null where nobody knows who sent it. */
  readonly submitted: Submitted | null;
  readonly noted: Happening | null;
}

/** A state of a log, by its own signature. */
export interface Submitted {
  readonly origin: string;
  readonly size: number;
}

/** Seconds that a clock may be set back: a signature then says the time of the one before. */
const SET_BACK = 60;
const NOTHING_YET: Witnessed = { size: 0, root: root(EMPTY) };

export function createWitness({ signer, state, verifiersOf, now }: WitnessDeps): Witness {
  const decide = (body: Uint8Array, { newest }: Pick<StateChange, 'newest'>): WitnessDecision =>
    decideCheckpoint(body, (origin) => {
      const verifiers = verifiersOf(origin);
      return verifiers.length === 0 ? null : { verifiers, newest: newest(origin) ?? NOTHING_YET };
    });

  function cosigned({ checkpoint, text, note }: SignedCheckpoint, change: StateChange): Added {
    const seconds = Math.floor(now() / 1000);
    const last = change.newest(checkpoint.origin)?.time ?? 0;
    if (seconds < last - SET_BACK) return { status: 503, body: null, submitted: checkpoint, noted: null };
    const time = Math.max(seconds, last);
    change.keep({ ...checkpoint, note: textOf(note), time });
    return { status: 200, body: cosign(signer, text, time).line, submitted: checkpoint, noted: null };
  }

  function noted({ checkpoint, note }: SignedCheckpoint, what: Happening, change: StateChange): void {
    change.note({ ...checkpoint, what, at: Math.floor(now() / 1000), note: textOf(note), reason: '' });
  }

  return {
    add: (body) => {
      const seen = decide(body, state);
      // What leaves nothing behind takes no lock.
      if (seen.status !== 200 && worthNoting(seen, state) === null) return refusal(seen, null);
      return state.locked((change) => {
        // What was read before the lock may be old.
        const decision = decide(body, change);
        if (decision.status === 200) return cosigned(decision.signed, change);
        const what = worthNoting(decision, change);
        if (what !== null && decision.signed !== null) noted(decision.signed, what, change);
        return refusal(decision, what);
      });
    },
  };
}

type Refusal = Exclude<WitnessDecision, { readonly status: 200 }>;

const refusal = (decision: Refusal, noted: Happening | null): Added => ({
  status: decision.status,
  body: decision.status === 409 ? `${decision.size}\n` : null,
  submitted: decision.signed?.checkpoint ?? null,
  noted,
});

/** What a log signed is kept where it shows, or may show, that the log is not honest. */
function worthNoting(
  { status, signed }: Refusal,
  { newest }: Pick<WitnessState, 'newest'>,
): Happening | null {
  if (signed === null) return null;
  const kept = newest(signed.checkpoint.origin);
  if (kept !== null && contradicts(kept, signed.checkpoint)) return 'contradiction';
  return status === 422 ? 'unproven' : null;
}

/** A note whose signature held is UTF-8. */
const textOf = (note: Uint8Array): string =>
  Buffer.from(note.buffer, note.byteOffset, note.byteLength).toString('utf8');
