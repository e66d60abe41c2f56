import { expect, it } from 'vitest';
import { strongroom } from '../served.ts';
import { befalls, type Fault } from './befalls.ts';
import { clusterOfFile } from './lifetimes.ts';
import { trialOn } from './trial.ts';

/** What befalls the way to a PostgreSQL, and the whole of it, while callers go on asking. */

const shared = clusterOfFile();

const FAULTS: Readonly<Record<string, Fault>> = {
  'connections are cut and refused': async ({ trial: { proxy } }) => {
    await proxy.refuse();
    return () => proxy.pass();
  },
  'nothing that is sent arrives': async ({ trial: { proxy } }) => {
    proxy.swallow();
    return () => proxy.pass();
  },
  'the server is killed': async ({ cluster }) => {
    await cluster.kill();
    return () => cluster.start();
  },
};

it.each(Object.entries(FAULTS))(
  'while %s callers are told 503 and nothing else, and afterwards all is as it was',
  async (_, fault) => {
    const trial = await trialOn(shared(), 'connections: 4');
    await befalls({ cluster: shared(), trial }, fault);
  },
  600_000,
);

it('does not start where its server is not to be reached, and says that', async () => {
  const { proxy, vault } = await trialOn(shared());
  await proxy.refuse();
  const { code, stderr } = await strongroom(['serve', '--config', vault.config]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/the store cannot be reached \(ECONNREFUSED\)/);
  expect(stderr).not.toContain(new URL(vault.database.url).password);
});
