import { expect, it } from 'vitest';
import { tokenIn } from './asking.ts';
import { clusterOfFile } from './lifetimes.ts';
import { PATIENCE, trialOn } from './trial.ts';

/** Connections that break at COMMIT, and everywhere. */

const shared = clusterOfFile();

it.each(['before', 'after', 'unanswered'] as const)(
  'a connection that is lost at COMMIT (%s) shows a value once and with its event, and keeps what is answered',
  async (fault) => {
    const trial = await trialOn(shared());
    const { ask, proxy, vault, isWhole } = trial;
    const token = await ask.token(7);
    for (const verb of ['reveal', 'tokenise'] as const) {
      const struck = proxy.atCommit(fault);
      const [answer] = await Promise.all([verb === 'reveal' ? ask.reveal(token) : ask.tokenise(8), struck]);
      expect(answer).toMatchObject({ status: 200 });
      const request = /"requestId":"([\w-]+)"/.exec(answer.text)?.[1];
      expect(request).toBeDefined();
      const events = (await vault.events()).filter((event) => event['request'] === request);
      expect(events.map(({ action, outcome }) => [action, outcome])).toEqual([
        [verb === 'reveal' ? 'detokenise' : 'tokenise', 'done'],
      ]);
      if (verb === 'tokenise') expect(await ask.reveal(tokenIn(answer.text))).toMatchObject({ status: 200 });
    }
    await isWhole(token);
  },
  600_000,
);

it('connections that break under load again and again, at COMMIT and elsewhere, lose nothing', async () => {
  const trial = await trialOn(shared(), 'connections: 3');
  const { ask, proxy, ledger, load, isWhole } = trial;
  const token = await ask.token(7);
  const callers = load();
  for (let round = 0; round < 8; round++) {
    await proxy.atCommit('before');
    await proxy.midAnswer();
    await proxy.atCommit('after');
    const before = ledger.size;
    proxy.cut();
    await expect.poll(() => ledger.size, PATIENCE).toBeGreaterThan(before + 10);
  }
  await callers.end();
  await isWhole(token);
}, 600_000);
