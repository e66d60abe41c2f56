import { expect } from 'vitest';
import type { Cluster } from './cluster.ts';
import { PATIENCE, type Trial } from './trial.ts';

/** A vault, and the server that something is done to. */
export interface Under {
  readonly cluster: Cluster;
  readonly trial: Trial;
}

/** Begins a fault; what it answers ends it. */
export type Fault = (under: Under) => Promise<() => Promise<void>>;

/** The way of a whole outage, and what is told to callers who go on asking. */
export async function befalls(under: Under, fault: Fault): Promise<void> {
  const { ask, ledger, load, served } = under.trial;
  const token = await ask.token(7);
  const callers = load();
  await expect.poll(() => ledger.size, PATIENCE).toBeGreaterThan(50);
  const end = await fault(under);
  await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(503);
  // While it lasts, all of them are answered: nothing but the vault's own patience ends the wait.
  const [reveal, kept, refused] = await Promise.all([
    ask.reveal(token),
    ask.tokenise(5000),
    ask.post('/v1/detokenise', { purpose: 'support', items: [{ collection: 'cards', token }] }),
  ]);
  expect(reveal).toMatchObject(UNAVAILABLE);
  // Which of the two hangs on whether the token could still be sought.
  expect(reveal.text).toMatch(/"code":"(?:audit_)?unavailable"/);
  expect(reveal.text).not.toContain(ask.value(7));
  expect(kept).toMatchObject(UNAVAILABLE);
  expect(kept.text).toContain('"code":"unavailable"');
  // A denial is an event too.
  expect(refused).toMatchObject(UNAVAILABLE);
  expect((await fetch(new URL('/readyz', served.url))).status).toBe(503);
  expect((await fetch(new URL('/livez', served.url))).status).toBe(200);
  await end();
  await isOver(under, token, callers);
}

/** All is as it was: what was acknowledged is there, and nothing secret was said. */
export async function isOver(
  { trial: { ask, served, vault, isWhole } }: Under,
  token: string,
  callers: ReturnType<Trial['load']>,
): Promise<void> {
  await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(200);
  await callers.end();
  await isWhole(token);
  const { stdout, stderr } = served.output();
  for (const secret of [ask.value(7), new URL(vault.database.url).password])
    expect(stdout + stderr).not.toContain(secret);
}

export const UNAVAILABLE = { status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/) as unknown };
