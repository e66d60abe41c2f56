import { expect, it } from 'vitest';
import Database from 'better-sqlite3';
import { connect } from '../../src/client/client.ts';
import { cardNumber } from '../cards.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { makeVault } from './made-vault.ts';

/** Long enough for any machine: hand-over takes five seconds, and what it hands over one. */
const PATIENCE = 60_000;

it('when the process that signs checkpoints is killed another goes on, and what both signed verifies', async () => {
  const { config, store, apiKey } = await makeVault(tempDir());
  const processes = [await serveProcess(config), await serveProcess(config)];
  const holderOf = (): { holder: string; size: number } => {
    const db = new Database(store, { readonly: true });
    try {
      const read = 'select "holder", "cursor" as "size" from "followers" where "name" = ?';
      return db.prepare<[string], { holder: string; size: number }>(read).get('checkpoints') ?? NOBODY;
    } finally {
      db.close();
    }
  };
  let card = 0;
  /** Lets the log grow by way of one process until what is asked has come about. */
  async function grownUntil(url: string, isSo: () => boolean): Promise<void> {
    const vault = connect({ url, apiKey });
    const end = Date.now() + PATIENCE;
    while (!isSo()) {
      if (Date.now() > end) expect.fail('nobody went on');
      await vault.tokenise({ items: [{ collection: 'cards', value: cardNumber(card++) }] });
      await new Promise((later) => setTimeout(later, 100));
    }
  }
  const urls = processes.map(({ url }) => url);
  await grownUntil(urls[0] ?? '', () => holderOf().holder !== '');
  const first = holderOf();
  // Which of the two holds it only they know: whoever still signs after one was killed is the other, or the one that held it.
  await processes[0]?.stop('SIGKILL');
  await grownUntil(urls[1] ?? '', () => holderOf().size > first.size + 1);
  // Before the third is there: it may take over at once, where its start takes long enough for a lease to run out.
  const second = holderOf();
  const next = await serveProcess(config);
  await processes[1]?.stop('SIGKILL');
  await grownUntil(next.url, () => holderOf().holder !== second.holder && holderOf().size > second.size);
  await next.stop('SIGTERM');
  expect(await strongroom(['audit', 'verify', '--config', config])).toMatchObject({ code: 0 });
});

const NOBODY = { holder: '', size: 0 };
