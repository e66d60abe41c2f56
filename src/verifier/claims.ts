import { parseCheckpoint } from '../log/checkpoint.ts';
import { parseNote } from '../log/note.ts';
import { NoteRefused, unlessRefused } from '../log/verifier.ts';
import type { KeyChain, OpenedCheckpoint } from './key-chain.ts';
import { type Find, firstOther, type Kept, type Pins } from './report.ts';
import { type LogSource, SourceRefused } from './source.ts';
import type { Walked } from './walk.ts';

/** A checkpoint that is to be held against the log: what it says is believed once its signature is. */
export interface Claim extends Kept {
  readonly kind: 'newest' | 'earlier' | 'against';
  readonly size: number;
  readonly root: Uint8Array;
}

/** What the checkpoints came to. */
export interface Signed {
  /** Which of the two the newest checkpoint signs, if any. */
  readonly truth: 'entries' | 'tiles' | null;
  /** Events that a checkpoint shows to be the log's own. */
  readonly known: number;
  readonly cosigned: readonly string[];
  readonly anchored: number;
}

/** @throws SourceRefused where the source has no newest one */
export async function claimsOf(source: LogSource, pins: Pins, find: Find): Promise<readonly Claim[]> {
  const note = await source.checkpoint();
  if (note === null) throw new SourceRefused('there is no checkpoint, so nothing says what the log is');
  const newest = claimOf('newest', { name: 'the newest checkpoint', note });
  if (newest === null) throw new SourceRefused('what stands for the newest checkpoint is none');
  // A vault signs that nothing is there for a place off the host that is new: whoever saw it could show it for the log ever after.
  if (newest.size === 0)
    find(
      'checkpoint',
      'the newest checkpoint is of no events, and a log begins with the making of its vault',
    );
  const claims = [newest];
  const others = [
    ...(await source.earlier()).map((one) => ({ kind: 'earlier', name: EARLIER, note: one }) as const),
    ...pins.against.map((one) => ({ kind: 'against', ...one }) as const),
  ];
  for (const { kind, ...kept } of others) {
    const claim = claimOf(kind, kept);
    if (claim === null) find('checkpoint', `${kept.name} is none`);
    else claims.push(claim);
  }
  return claims.toSorted((a, b) => a.size - b.size);
}

const EARLIER = 'a checkpoint that the store keeps';

function claimOf(kind: Claim['kind'], { name, note }: Kept): Claim | null {
  const checkpoint = unlessRefused(() => parseCheckpoint(parseNote(note).text));
  return checkpoint === null ? null : { kind, name, note, size: checkpoint.size, root: checkpoint.root };
}

/** Holds each checkpoint against the log: its signature by the key of its time, and its root. */
export function holdClaims(
  claims: readonly Claim[],
  chain: KeyChain,
  { computed, told, differing }: Walked,
  { quorum }: Pick<Pins, 'quorum'>,
  find: Find,
): Signed {
  const end = claims.find(({ kind }) => kind === 'newest')?.size ?? 0;
  let signed: Signed = { truth: null, known: 0, cosigned: [], anchored: 0 };
  for (const claim of claims) {
    const { kind, name, size, root } = claim;
    const opened = openedBy(chain, claim, find);
    const truth = isRoot(computed.roots.get(size), root)
      ? 'entries'
      : isRoot(told?.roots.get(size), root)
        ? 'tiles'
        : null;
    const names = opened?.witnesses.map((one) => one.name) ?? [];
    if (kind === 'newest') signed = { ...signed, truth, cosigned: names };
    if (opened === null) continue;
    if (size > end) {
      find('events', `the newest checkpoint ends here, and ${name} is of ${size} events`, end);
    } else if (truth === 'entries') {
      const isAnchor = kind === 'against' || (quorum > 0 && names.length >= quorum);
      signed = { ...signed, known: size, anchored: isAnchor ? size : signed.anchored };
    } else if (kind !== 'newest' && computed.edge.size >= size) {
      const first = truth === 'tiles' ? firstOther(differing) : null;
      find(
        'events',
        `the log does not continue ${name}, of ${size} events${first === null ? since(signed.anchored, size) : ''}`,
        first,
      );
    }
  }
  return signed;
}

/** Where what is other can be, if no event can be named. */
export const since = (known: number, size: number): string =>
  known === 0 || known >= size ? '' : `: what is other is event ${known} or a later one`;

const isRoot = (computed: Uint8Array | undefined, root: Uint8Array): boolean =>
  computed !== undefined && Buffer.compare(computed, root) === 0;

function openedBy(chain: KeyChain, { kind, name, size, note }: Claim, find: Find): OpenedCheckpoint | null {
  // What a store keeps of the time before the given key is not what was asked about.
  if (kind === 'earlier' && chain.isBefore(size)) return null;
  try {
    return chain.open(note);
  } catch (error) {
    if (!(error instanceof NoteRefused)) throw error;
    find('checkpoint', `${name} ${error.message}`);
    return null;
  }
}
