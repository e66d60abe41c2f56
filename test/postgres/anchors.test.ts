import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { keeper } from '../anchors/keeper.ts';
import { connect } from '../../src/client/client.ts';
import { cardNumber } from '../cards.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { clusterOfFile } from './lifetimes.ts';
import { makeVaultOn } from './vaults.ts';

const cluster = clusterOfFile();

it('when the process that brings an anchor its checkpoints is killed another goes on, and what it keeps verifies', async () => {
  const vault = await makeVaultOn(tempDir(), await cluster().database(), (sql, name) =>
    cluster().query(sql, name),
  );
  const { url, files } = await keeper();
  const text = readFileSync(vault.config, 'utf8');
  writeFileSync(vault.config, `anchors: [{ url: "${url}", every: 1s, entries: true }]\n${text}`);
  const kept = (): number => Number(files.get('checkpoint')?.toString().split('\n')[1] ?? 0);
  let card = 0;
  /** Lets the log grow by way of one process until the anchor has something newer. */
  async function grownBy(process: { readonly url: string }): Promise<void> {
    const client = connect({ url: process.url, apiKey: vault.apiKey });
    const before = kept();
    const grown = async (): Promise<number> => {
      await client.tokenise({ items: [{ collection: 'cards', value: cardNumber(card++) }] });
      return kept();
    };
    await expect.poll(grown, { timeout: 90_000, interval: 250 }).toBeGreaterThan(before + 3);
  }
  const [first, second] = [await serveProcess(vault.config), await serveProcess(vault.config)];
  await grownBy(first);
  // Which of the two holds the lease only they know: it is among those that are killed, whichever it is.
  await first.stop('SIGKILL');
  await grownBy(second);
  const third = await serveProcess(vault.config);
  await second.stop('SIGKILL');
  await grownBy(third);
  expect((await third.stop()).code).toBe(0);
  const holders = (await vault.log()).filter(({ event }) => event['action'] === 'anchor');
  expect(holders).toHaveLength(1);
  expect(await strongroom(['audit', 'verify', '--config', vault.config])).toMatchObject({ code: 0 });
}, 600_000);
