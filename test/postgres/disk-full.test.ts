import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { buildShim, type Faults, faultsIn } from '../faults/faults.ts';
import { isOver, UNAVAILABLE } from './befalls.ts';
import { clusterOfTest } from './lifetimes.ts';
import { PATIENCE, trialOn } from './trial.ts';

const shim = buildShim();
if (shim === null)
  process.emitWarning('skipped: a full disk of PostgreSQL, since there is no C compiler here');

it.skipIf(shim === null)(
  'while the disk of the server is full callers are answered or told 503, and afterwards all is as it was',
  async () => {
    const faults = faultsForServer(shim ?? '');
    const cluster = await clusterOfTest({ env: faults.env });
    const trial = await trialOn(cluster);
    const { ask, ledger, load, served } = trial;
    const token = await ask.token(7);
    const callers = load();
    await expect.poll(() => ledger.size, PATIENCE).toBeGreaterThan(50);
    faults.break('enospc');
    await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(503);
    // The server starts itself again, and what fits into the files that are there is still written.
    for (let n = 0; n < 5; n++) {
      const answers = await Promise.all([ask.reveal(token), ask.tokenise(5000 + n)]);
      for (const answer of answers) if (answer.status !== 200) expect(answer).toMatchObject(UNAVAILABLE);
    }
    expect((await fetch(new URL('/livez', served.url))).status).toBe(200);
    faults.break(null);
    // One that could not write its log may have ended, or be about to, and its operator starts it.
    const restarted = async (): Promise<number> => {
      if (cluster.pid === null) await cluster.start();
      return (await ask.reveal(token)).status;
    };
    await expect.poll(restarted, PATIENCE).toBe(200);
    await isOver({ cluster, trial }, token, callers);
  },
  600_000,
);

/** Where the user that the server runs as can read. */
function faultsForServer(built: string): Faults {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-faults-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const copy = join(folder, 'faults.so');
  copyFileSync(built, copy);
  const faults = faultsIn(folder, copy);
  return { ...faults, env: { ...faults.env, STRONGROOM_FAULT_FOLDER: tmpdir() } };
}
