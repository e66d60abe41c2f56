import { claimsOf, holdClaims } from './claims.ts';
import { eventFindings, tileFindings } from './findings.ts';
import { KeyChain } from './key-chain.ts';
import type { Find, Finding, Pins, Verification } from './report.ts';
import type { LogSource } from './source.ts';
import { walk } from './walk.ts';

const MOST_FINDINGS = 100;

/**
 * Verifies a log with nothing but a key of it: recomputes its tree, holds it against every tile and checkpoint, follows the
 * changes of its key, and says how far it is anchored.
 * @param progress told how many events have been read, of how many; what it throws ends the work
 * @throws SourceRefused where there is nothing to verify
 */
export async function verifySource(
  source: LogSource,
  pins: Pins,
  progress: (done: number, of: number) => void,
): Promise<Verification> {
  const findings: Finding[] = [];
  const find: Find = (about, problem, index = null) => void findings.push({ about, index, problem });
  const claims = await claimsOf(source, pins, find);
  const size = claims.find(({ kind }) => kind === 'newest')?.size ?? 0;
  const chain = new KeyChain(pins.key, pins.witnesses);
  const sizes = [...new Set(claims.map((claim) => claim.size))].filter((one) => one <= size);
  const walked = await walk(source, size, sizes, {
    onEntry: (index, bytes) => chain.read(index, bytes),
    progress: (done) => progress(done, size),
  });
  const signed = holdClaims(claims, chain, walked, pins, find);
  eventFindings(walked, size, signed, find);
  tileFindings(walked, signed, find);
  for (const index of chain.foreign) find('key', FOREIGN, index);
  if (chain.tooMany !== null) find('key', TOO_MANY, chain.tooMany);
  const surplus = await source.surplus();
  if (surplus !== null) find('bundle', surplus);
  const { edge, root } = walked.computed;
  return {
    findings: findings.toSorted((a, b) => placeOf(a) - placeOf(b)).slice(0, MOST_FINDINGS),
    size: edge.size,
    root: Buffer.from(root).toString('base64'),
    key: chain.newest.text,
    cosigned: signed.cosigned,
    anchored: signed.anchored,
    unsigned: await source.unsigned(size),
  };
}

const FOREIGN = 'this event says that the key of the log changed, and the key before did not sign that';

const TOO_MANY = 'a vault gives its log 1,000 keys at the most, and this event names one more';

const placeOf = ({ index }: Finding): number => index ?? Number.MAX_SAFE_INTEGER;
