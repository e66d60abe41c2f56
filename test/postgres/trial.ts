import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { seeded } from '../crash/kill.ts';
import { Ledger } from '../crash/ledger.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import type { Served } from '../served.ts';
import { asking } from './asking.ts';
import type { Cluster } from './cluster.ts';
import { through } from './databases.ts';
import { proxyOfTest } from './lifetimes.ts';
import type { Proxy } from './proxy.ts';
import { checkLog } from './replicas.ts';
import { makeVaultOn, type PostgresVault, useStore } from './vaults.ts';

/** A loaded machine takes its time to do what it will do. */
export const PATIENCE = { timeout: 180_000, interval: 250 };

/** A vault that serves from a PostgreSQL behind a network that may fail, and whatever it has acknowledged. */
export interface Trial {
  readonly vault: PostgresVault;
  readonly proxy: Proxy;
  readonly served: Served;
  readonly ask: ReturnType<typeof asking>;
  readonly ledger: Ledger;
  /** The store is on another server from now on. */
  readonly moveTo: (cluster: Cluster) => void;
  /** Callers who go on whatever they are told, until they are called off. */
  readonly load: () => { readonly end: () => Promise<void> };
  /** The vault answers again, of itself; all that was acknowledged is there, and every reveal has its event. */
  readonly isWhole: (token: string) => Promise<void>;
}

/** @param more other keys of `store` */
export async function trialOn(cluster: Cluster, more = ''): Promise<Trial> {
  const proxy = await proxyOfTest(cluster.port);
  const database = await cluster.database();
  const at = { cluster };
  const vault = await makeVaultOn(tempDir(), database, (sql, name) => at.cluster.query(sql, name));
  useStore(vault.config, vault.dir, through(database, proxy.port).url, more);
  const served = await serveProcess(vault.config);
  const ledger = new Ledger();
  const trial: Trial = {
    vault,
    proxy,
    served,
    ledger,
    moveTo: (next) => {
      at.cluster = next;
      proxy.aim(next.port);
    },
    ask: asking(served, vault.apiKey),
    load: () => loadOn(ledger, served, vault.apiKey),
    isWhole: async (token) => {
      await expect.poll(async () => (await trial.ask.reveal(token)).status, PATIENCE).toBe(200);
      await ledger.check(served, vault.apiKey);
      await checkLog(vault, ledger);
    },
  };
  return trial;
}

function loadOn(ledger: Ledger, served: Served, apiKey: string): { readonly end: () => Promise<void> } {
  const state = { isOver: false };
  const random = seeded(20_261_128);
  const caller = async (): Promise<void> => {
    while (!state.isOver) {
      await ledger.load(served, apiKey, random, () => state.isOver);
      await sleep(50);
    }
  };
  const callers = Promise.all([0, 1, 2, 3].map(caller));
  return {
    end: async () => {
      state.isOver = true;
      await callers;
    },
  };
}
