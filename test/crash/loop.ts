import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../postgres/cluster.ts';
import { replicaRun } from '../postgres/replicas.ts';
import { makeVaultOn } from '../postgres/vaults.ts';
import { killLoop, seeded } from './kill.ts';

/**
 * `npm run crash -- --kills 100 --seed 7`: the long kill -9 loop. With `--store postgres` each kill is a minute of three
 * replicas under load on a PostgreSQL of their own, of which one is killed and one restarted.
 */
const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    kills: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const onPostgres = values.store === 'postgres';
const kills = Number(values.kills ?? (onPostgres ? '1' : '50'));
const random = seeded(Number(values.seed));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const dir = mkdtempSync(join(tmpdir(), 'strongroom-crash-'));
say(`seed ${values.seed}, ${kills} kills`);
try {
  const acknowledged = onPostgres ? await replicas() : (await killLoop(dir, kills, random, say)).acknowledged;
  say(`nothing lost of ${acknowledged} acknowledged answers`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}

async function replicas(): Promise<number> {
  const cluster = await startCluster();
  let acknowledged = 0;
  try {
    for (let kill = 1; kill <= kills; kill++) {
      const own = join(dir, String(kill));
      mkdirSync(own);
      const query = (sql: string, name: string) => cluster.query(sql, name);
      const vault = await makeVaultOn(own, await cluster.database(), query);
      acknowledged += (await replicaRun({ vault, seconds: Number(values.seconds), random, say }))
        .acknowledged;
    }
  } finally {
    await cluster.end();
  }
  return acknowledged;
}
