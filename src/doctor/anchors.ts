import type { AnchorNewest } from '../vault/anchor.ts';
import type { AnchorPlace } from '../vault/audit/anchoring.ts';
import { contradictionSentence, openedBy } from '../vault/audit/contradiction.ts';
import type { Examination } from '../vault/examine.ts';
import type { Demand } from '../vault/policy/demand.ts';
import { type Finding, finding } from './finding.ts';

/** Events that an anchor has not confirmed after so long, in milliseconds, are told. */
const BEHIND = 10 * 60_000;

/** What one place said, or why it said nothing. */
export interface Asked {
  readonly name: string;
  readonly required: boolean;
  readonly newest: AnchorNewest | string | null;
  readonly found: Pick<Examination, 'head' | 'confirmed' | 'verifiers'>;
}

export function* anchorFinding({ name, required, newest, found }: Asked, now: number): Generator<Finding> {
  const { head, confirmed, verifiers } = found;
  const known = confirmed.get(name);
  if (typeof newest === 'string') {
    yield required
      ? finding(
          'anchor-unreachable',
          `the anchor ${name} cannot be read back: ${newest}. Until it can be, serve does not start.`,
        )
      : finding('anchor-optional-unreachable', `the anchor ${name} cannot be read back: ${newest}.`);
    return;
  }
  const size = newest?.size ?? 0;
  const extend = (problem: Parameters<typeof contradictionSentence>[1]): Finding =>
    finding('store-does-not-extend-anchor', `${contradictionSentence(name, problem, size, head.size)}.`);
  if (newest !== null && newest.note !== null) {
    const checkpoint = openedBy(newest.note, verifiers);
    if (checkpoint === null) return yield extend('unknown');
    // What lies between is for serve, which reads the log.
    if (known?.size === checkpoint.size && Buffer.compare(known.root, checkpoint.root) !== 0)
      return yield extend('forked');
  }
  if (size > head.size) return yield extend('shorter');
  if (known !== undefined && size < known.size)
    return yield finding(
      'anchor-lost',
      `the anchor ${name} keeps ${size} events, and confirmed ${known.size}: find out who took it back. If its place was replaced, give the new one another name.`,
    );
  if (known !== undefined && known.since !== null && now - known.since > BEHIND)
    yield finding(
      'anchor-behind',
      `the anchor ${name} has confirmed ${known.size} of ${head.size} events, and the next is of ${new Date(known.since).toISOString()}: is the vault served? If it is, its log says why.`,
    );
}

/** Whether the places can do what the policy asks. */
export function* demandFindings(demand: Demand | null, places: readonly AnchorPlace[]): Generator<Finding> {
  if (demand === null) return;
  const { atLeast, maxAge } = demand;
  if (places.length < atLeast)
    yield finding(
      'anchors-too-few',
      `the policy asks for ${atLeast} anchors (audit.anchors.atLeast), and the settings name ${places.length}: nothing of a value is shown. Name more under anchors.`,
    );
  else if (places.filter(({ every }) => 2 * every <= maxAge).length < atLeast)
    yield finding(
      'anchors-too-seldom',
      'the anchors get a checkpoint so seldom that the log is soon older than the policy allows (audit.anchors.maxAge): give them an every of half of that at the most.',
    );
}
