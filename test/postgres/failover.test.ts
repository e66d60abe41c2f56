import { expect, it } from 'vitest';
import { clusterOfTest } from './lifetimes.ts';
import { PATIENCE, trialOn } from './trial.ts';

/** Two real servers: what a synchronous standby is for, and what it must not cost. */

it('a primary that is lost with its machine takes nothing with it that was acknowledged', async () => {
  const primary = await clusterOfTest();
  const trial = await trialOn(primary);
  const standby = await primary.standby({ name: 'second', synchronous: true });
  const { ask, ledger } = trial;
  const token = await ask.token(7);
  const load = trial.load();
  await expect.poll(() => ledger.size, PATIENCE).toBeGreaterThan(300);
  await primary.kill();
  await standby.promote();
  trial.moveTo(standby);
  await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(200);
  const before = ledger.size;
  await expect.poll(() => ledger.size, PATIENCE).toBeGreaterThan(before + 100);
  await load.end();
  await trial.isWhole(token);
}, 600_000);

it('a standby that goes away leaves callers with a 503 in time, and its return with everything as it was', async () => {
  const primary = await clusterOfTest();
  const trial = await trialOn(primary);
  const standby = await primary.standby({ name: 'second', synchronous: true });
  const { ask, ledger } = trial;
  const token = await ask.token(7);
  const load = trial.load();
  await expect.poll(() => ledger.size, PATIENCE).toBeGreaterThan(100);
  await standby.stop('fast');
  // Each is answered while the standby is still away: nothing but the vault's own patience can end the wait.
  const reveals = await Promise.all(Array.from({ length: 8 }, () => ask.reveal(token)));
  const kept = await Promise.all(Array.from({ length: 8 }, (_, n) => ask.tokenise(5000 + n)));
  for (const answer of [...reveals, ...kept]) {
    expect(answer).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/) as unknown });
    expect(answer.text).not.toContain(ask.value(7));
  }
  await standby.start();
  await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(200);
  await load.end();
  await trial.isWhole(token);
}, 600_000);
