import { readFile } from 'node:fs/promises';
import {
  type Anchor,
  ANCHOR_PATIENCE,
  AnchorContradicts,
  AnchorFailed,
  type AnchorAsking,
} from '../vault/anchor.ts';
import { openCosignature } from '../log/cosignature.ts';
import { TileMissing } from '../log/prove.ts';
import { NoteRefused, parseVerifier } from '../log/verifier.ts';
import { encodeAddCheckpoint } from '../log/witness.ts';
import { type Answered, exchange } from './http.ts';

/** A witness of C2SP tlog-witness (c2sp.org/tlog-witness): it keeps how far the log came, and signs that it saw it. */
export interface WitnessPlace {
  readonly name: string;
  /** Ends with a slash. */
  readonly url: string;
  /** The verifier key of the witness: what is signed with another means nothing. */
  readonly key: string;
  /** A PEM file; null for the authorities that Node knows. */
  readonly ca: string | null;
  /** In milliseconds, for one request. */
  readonly limit?: number;
}

/** Another replica may bring it a newer one in between, again and again. */
const MOST_TRIES = 4;

export function witnessAnchor({ name, url, key, ca, limit = ANCHOR_PATIENCE }: WitnessPlace): Anchor {
  const witness = parseVerifier(key);
  /** What it said last: the next request begins there. */
  let seen = 0;

  async function add(from: number, proof: readonly Uint8Array[], note: string): Promise<Answered> {
    const authorities = ca === null ? undefined : await authoritiesIn(ca);
    const body = Buffer.from(encodeAddCheckpoint(from, proof, note));
    const answer = await exchange(new URL('add-checkpoint', url), {
      method: 'POST',
      body,
      ca: authorities,
      limit,
    });
    if (answer.status === 409) seen = sizeIn(answer);
    return answer;
  }

  /** @throws AnchorFailed unless its own key signed this very checkpoint */
  function cosignature(note: string, { bytes }: Answered): string {
    try {
      return openCosignature(note, Buffer.from(bytes).toString('utf8'), witness).line;
    } catch (error) {
      if (!(error instanceof NoteRefused)) throw error;
      throw new AnchorFailed('its answer holds no signature of its key for this checkpoint');
    }
  }

  /**
   * Brings it a checkpoint from what it said last, and from what it says then. Null where it has seen a newer one, or where who
   * only asks has no proof.
   */
  async function bring(asking: AnchorAsking): Promise<string | null> {
    const { note, size } = asking;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const from = seen;
      const proof = from === 0 || from === size ? [] : from < size ? await proven(asking, from) : null;
      if (proof === null) return null;
      const answer = await add(from, proof, note);
      if (answer.status === 200) {
        const line = cosignature(note, answer);
        seen = size;
        return line;
      }
      // On 409 it has seen another size, or another log of this one.
      if (answer.status === 422 || (answer.status === 409 && seen === from))
        throw new AnchorContradicts('the witness says that the log does not continue what it has seen', from);
      if (answer.status !== 409) throw refused(answer.status);
    }
    throw new AnchorFailed('the witness sees newer checkpoints faster than this process brings them');
  }

  return {
    name,
    keeps: 'checkpoints',
    newest: async (asking) => {
      // An old size of 0 asks how much it has seen; one that has seen nothing has seen this from now on.
      if (asking === null) return null;
      seen = 0;
      await bring(asking);
      return seen === 0 ? null : { size: seen, note: null };
    },
    put: async (what) => {
      const line = await bring(what);
      if (line === null) throw new AnchorFailed('the witness has seen a newer checkpoint meanwhile');
      return [line];
    },
  };
}

/** Sentences for who runs the vault. */
function refused(status: number): AnchorFailed {
  if (status === 404)
    return new AnchorFailed(
      'the witness does not know this log: its operator adds the key that strongroom audit key prints',
    );
  if (status === 403)
    return new AnchorFailed('the witness does not trust the key that signs this log: its operator adds it');
  return new AnchorFailed(`the witness answers ${status}`);
}

/** @throws AnchorFailed for what is no size */
function sizeIn({ bytes }: Answered): number {
  const [, digits] = /^(0|[1-9]\d{0,15})\n$/.exec(Buffer.from(bytes).toString('latin1')) ?? [];
  const size = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(size))
    throw new AnchorFailed('the witness answers 409 without the size that it has seen');
  return size;
}

async function proven({ consistency }: AnchorAsking, from: number): Promise<readonly Uint8Array[] | null> {
  if (consistency === null) return null;
  return consistency(from).catch((error: unknown) => {
    if (error instanceof TileMissing)
      throw new AnchorFailed('the tiles that show how the log grew are not all there');
    throw error;
  });
}

const authoritiesIn = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch(() => {
    throw new AnchorFailed('the file of its authorities cannot be read');
  });
