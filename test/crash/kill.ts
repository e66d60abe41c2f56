import { setTimeout as sleep } from 'node:timers/promises';
import { type Served, startServe, strongroom } from '../served.ts';
import { Ledger } from './ledger.ts';
import { makeVault } from './made-vault.ts';

/** Answers that are acknowledged before each kill, at the least. */
const ENOUGH = 50;

/** Kills a vault under load again and again, and checks what it had acknowledged. Raises at the first thing lost. */
export async function killLoop(
  dir: string,
  kills: number,
  random: () => number,
  say: (line: string) => void,
): Promise<{ readonly acknowledged: number }> {
  const { config, apiKey, events } = await makeVault(dir);
  const ledger = new Ledger();
  let served: Served | null = null;
  try {
    for (let kill = 1; kill <= kills; kill++) {
      served = await startServe(config);
      const target = served;
      const state = { isOver: false };
      const load = Promise.all(Array.from({ length: 8 }, () => ledger.load(target, apiKey, random))).finally(
        () => (state.isOver = true),
      );
      const before = ledger.size;
      await sleep(200 + random() * 800);
      // A machine that has done little by then is given longer.
      while (!state.isOver && ledger.size < before + ENOUGH) await sleep(10);
      await served.stop('SIGKILL');
      await load;
      served = await startServe(config);
      await ledger.check(served, apiKey);
      await served.stop('SIGKILL');
      ledger.checkEvents(await events());
      const verified = await strongroom(['audit', 'verify', '--config', config]);
      if (verified.code !== 0) throw new Error(`audit verify: ${verified.stdout}${verified.stderr}`);
      say(`kill ${kill} of ${kills}: ${ledger.size} acknowledged, ${verified.stdout.split('\n')[0] ?? ''}`);
    }
  } finally {
    await served?.stop('SIGKILL');
  }
  return { acknowledged: ledger.size };
}

/** A small generator (mulberry32), so that a run can be had again by its seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
