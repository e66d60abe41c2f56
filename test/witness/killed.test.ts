import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../src/log/checkpoint.ts';
import { openCosignature } from '../../src/log/cosignature.ts';
import { parseVerifier } from '../../src/log/verifier.ts';
import { startWitness } from '../served.ts';
import { type History, madeWitness, submit, testLog } from './witnessed.ts';

const ROUNDS = 6;
const COSIGNED_A_ROUND = 8;
const log = testLog('strongroom/vault_1');

interface Cosigned {
  readonly note: string;
  readonly lines: string;
}

/** What the clients share with who starts and kills the witness. */
interface Race {
  url: string | null;
  isOver: boolean;
  readonly cosigned: Cosigned[];
}

/** Advances its history by one entry again and again, from whatever the witness says that it saw. */
async function advance(race: Race, history: History): Promise<void> {
  let size = 0;
  while (!race.isOver) {
    const { url } = race;
    // One that is being killed answers nothing; its client asks the next one.
    const to = Math.min(size + 1, 399);
    const answer = url === null ? null : await submit(url, log.request(size, to, history)).catch(() => null);
    if (answer === null || answer.status === 429) {
      await pause(10);
      continue;
    }
    expect([200, 409, 422]).toContain(answer.status);
    if (answer.status === 200) race.cosigned.push({ note: log.checkpoint(to, history), lines: answer.body });
    if (answer.status === 409) size = Number(answer.body);
    else if (answer.status === 200) size = to;
  }
}

/** Each as the witness's key and the log's say, with the time that was signed. */
const opened = (cosigned: readonly Cosigned[], key: string): (Checkpoint & { readonly time: number })[] =>
  cosigned.map(({ note, lines }) => ({
    ...openCheckpoint(Buffer.from(note), parseVerifier(log.key)),
    time: openCosignature(note, lines, parseVerifier(key)).time,
  }));

it('signs one history, killed at any moment while clients race with two', async () => {
  const witness = await madeWitness(log.key);
  const race: Race = { url: null, isOver: false, cosigned: [] };
  const clients = (['honest', 'forked', 'honest', 'forked'] as const).map((history) =>
    advance(race, history),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const served = await startWitness(witness.dir);
    race.url = served.url;
    const enough = race.cosigned.length + COSIGNED_A_ROUND;
    while (race.cosigned.length < enough) await pause(1);
    const ended = served.stop('SIGKILL');
    race.url = null;
    await ended;
  }
  race.isOver = true;
  await Promise.all(clients);

  const all = opened(race.cosigned, witness.key);
  const rootsOf = new Map<number, Set<string>>();
  for (const { size, root } of all)
    rootsOf.set(size, (rootsOf.get(size) ?? new Set()).add(Buffer.from(root).toString('hex')));
  expect([...rootsOf].filter(([, roots]) => roots.size > 1)).toEqual([]);
  // All of them are of the one history whose twelfth entry was seen first.
  const isOf = (history: History): boolean =>
    all.every(({ size, root }) => Buffer.compare(root, log.rootOf(size, history)) === 0);
  expect(isOf('honest') || isOf('forked')).toBe(true);
  expect(Math.max(...all.map(({ size }) => size))).toBeGreaterThan(12);
});
