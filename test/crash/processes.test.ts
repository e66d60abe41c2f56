import { expect, it } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { cardNumber } from '../cards.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { makeVault } from './made-vault.ts';
import { newRace, revealUntilRefused, shownAround } from './race.ts';

/** More than one process on one store. */

it('after a revocation is answered, no process reveals anything more', async () => {
  const { config, apiKey, events } = await makeVault(tempDir());
  const vaults = await Promise.all(
    [0, 1].map(async () => connect({ url: (await serveProcess(config)).url, apiKey })),
  );
  const [one] = vaults;
  if (one === undefined) return expect.fail('no vault');
  const { items } = await one.tokenise({ items: [{ collection: 'cards', value: cardNumber(1) }] });
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';

  const race = newRace();
  const load = vaults.flatMap((vault) => [0, 1, 2, 3].map(() => revealUntilRefused(vault, token, race)));
  while (race.before < 40) await new Promise((turn) => setImmediate(turn));
  const revoke = await strongroom(['clients', 'revoke', 'load', '--config', config]);
  race.answered = true;
  expect(revoke.code).toBe(0);
  expect(new Set(await Promise.all(load))).toEqual(new Set(['unauthenticated']));
  expect(race).toMatchObject({ after: 0 });
  const told = shownAround(await events(), ({ action }) => action === 'clients.revoke');
  expect(told).toMatchObject({ after: 0 });
  expect(told.before).toBeGreaterThan(39);
  expect(await strongroom(['audit', 'verify', '--config', config])).toMatchObject({ code: 0 });
});

it('two processes give one value one token, and never one token to two values', async () => {
  const { config, apiKey } = await makeVault(tempDir());
  const vaults = await Promise.all(
    [0, 1].map(async () => connect({ url: (await serveProcess(config)).url, apiKey })),
  );
  const values = Array.from({ length: 60 }, (_, i) => cardNumber(i % 20));
  const answers = await Promise.all(
    vaults.flatMap((vault) =>
      values.map(async (value) => {
        const { items } = await vault.tokenise({ items: [{ collection: 'cards-known', value }] });
        return [value, items[0] !== undefined && 'token' in items[0] ? items[0].token : ''] as const;
      }),
    ),
  );
  expect(new Set(answers.map(([value, token]) => `${value} ${token}`)).size).toBe(20);
  expect(new Set(answers.map(([, token]) => token)).size).toBe(20);
  expect(await strongroom(['audit', 'verify', '--config', config])).toMatchObject({ code: 0 });
});

it('a stop answers what is under way, and ends with 0', async () => {
  const { config, apiKey } = await makeVault(tempDir());
  const served = await serveProcess(config);
  const vault = connect({ url: served.url, apiKey });
  const requests = Array.from({ length: 6 }, (_, n) =>
    vault.tokenise({
      items: Array.from({ length: 400 }, (__, i) => ({
        collection: 'cards',
        value: cardNumber(n * 400 + i),
      })),
    }),
  );
  await vault.whoami();
  const stopped = served.stop();
  const answers = await Promise.allSettled(requests);
  expect((await stopped).code).toBe(0);

  const again = connect({ url: (await serveProcess(config)).url, apiKey });
  for (const answer of answers) {
    if (answer.status === 'rejected') continue;
    const items = answer.value.items.map((item) => ({
      collection: 'cards',
      token: 'token' in item ? item.token : '',
    }));
    const back = await again.detokenise({ purpose: 'settlement', items });
    expect(back.items.every((item) => 'value' in item)).toBe(true);
  }
  expect(answers.some(({ status }) => status === 'fulfilled')).toBe(true);
});
