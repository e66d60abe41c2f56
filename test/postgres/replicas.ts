import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger } from '../crash/ledger.ts';
import { type Served, startServe, strongroom } from '../served.ts';
import type { PostgresVault } from './vaults.ts';

/** How long replicas are under load, and by how many callers each. */
export interface ReplicaRun {
  readonly vault: PostgresVault;
  readonly seconds: number;
  readonly random: () => number;
  readonly say: (line: string) => void;
}

const CALLERS = 4;

/**
 * Three replicas under load; one is killed and comes back, one is stopped and started anew, one goes on as if nothing were.
 * Then everything that any of them acknowledged is asked of all. Raises at the first thing that is not as it must be.
 */
export async function replicaRun({
  vault,
  seconds,
  random,
  say,
}: ReplicaRun): Promise<{ acknowledged: number }> {
  const { config, apiKey } = vault;
  const ledger = new Ledger();
  const running: Served[] = [];
  let isOver = false;
  const start = async (): Promise<Served> => {
    const served = await startServe(config);
    running.push(served);
    return served;
  };
  const load = (served: Served): Promise<unknown> =>
    Promise.all(Array.from({ length: CALLERS }, () => ledger.load(served, apiKey, random, () => isOver)));
  const part = (): Promise<void> => sleep((seconds * 1000) / 5);
  try {
    const [steady, killed, restarted] = [await start(), await start(), await start()];
    const steadyLoad = load(steady);
    const loads = [load(killed), load(restarted)];
    await part();
    await killed.stop('SIGKILL');
    say(`one killed, ${ledger.size} acknowledged`);
    await part();
    loads.push(load(await start()));
    await part();
    const stopped = await restarted.stop();
    if (stopped.code !== 0) throw new Error(`a stop ended with ${stopped.code}: ${stopped.stderr}`);
    say(`one stopped, ${ledger.size} acknowledged`);
    await part();
    loads.push(load(await start()));
    await part();
    isOver = true;
    await Promise.all(loads);
    noFailures(await steadyLoad);
    for (const served of running.filter((one) => one !== killed && one !== restarted))
      await ledger.check(served, apiKey);
  } finally {
    await Promise.all(running.map((served) => served.stop('SIGKILL')));
  }
  await checkLog(vault, ledger);
  say(`${ledger.size} acknowledged, and nothing lost`);
  return { acknowledged: ledger.size };
}

/** What befalls one replica is nobody else's trouble. */
function noFailures(ended: unknown): void {
  const failures = [ended].flat().filter((failure) => failure !== null);
  if (failures.length > 0)
    throw new Error('the replica that went on failed a caller', { cause: failures[0] });
}

/** One log, whole: every index once from 0 on, every reveal in it, and its root as the head says. */
export async function checkLog(vault: PostgresVault, ledger: Ledger): Promise<void> {
  const log = await vault.log();
  const wrong = log.find(({ index }, i) => index !== i);
  if (wrong !== undefined) throw new Error(`the log has a gap or a fork at ${wrong.index}`);
  ledger.checkEvents(log.map(({ event }) => event));
  const verified = await strongroom(['audit', 'verify', '--config', vault.config]);
  if (verified.code !== 0) throw new Error(`audit verify: ${verified.stdout}${verified.stderr}`);
}
