import { expect, it } from 'vitest';
import { logOf } from '../attack/tamper.ts';
import { onPostgres } from '../engine.ts';
import { newVault, type TestVault } from '../harness.ts';
import { openAround } from '../vault/wrapped.ts';

/** One replica's clock is wrong, and the server's is not: what that does to the others. */

onPostgres();

const PAN = '4111111111111111';
const DAY = 86_400_000;

async function filled() {
  const open = await newVault();
  const client = await open.add(['tokenise:cards', 'detokenise:cards@settlement'], {
    expiresAt: new Date(Date.now() + 30 * DAY).toISOString(),
  });
  const expiresAt = new Date(Date.now() + DAY).toISOString();
  const { items } = await client.vault.tokenise({ items: [{ collection: 'cards', value: PAN, expiresAt }] });
  return { open, client, token: items[0] !== undefined && 'token' in items[0] ? items[0].token : '' };
}

/** Another replica of a vault: the server's clock is not moved with its own. */
const withClock = ({ settings, notices, fatal }: TestVault, offset: number) => ({
  settings,
  notices,
  fatal,
  clock: { offset },
});

const timesIn = async (open: TestVault): Promise<unknown[]> =>
  (await logOf(open)).map(({ at }) => at).filter((at) => Date.parse(String(at)) > Date.now() + DAY / 24);

it.each([
  ['a year', 365 * DAY],
  ['two days', 2 * DAY],
  ['a minute', 60_000],
])(
  'a replica whose clock is ahead by %s commits nothing, destroys nothing and moves no time',
  async (_, offset) => {
    const { open, client, token } = await filled();
    const { vault, as } = await openAround(withClock(open, offset), (store) => store);
    await vault.maintain().catch(() => undefined);
    expect(await vault.ready()).toBe("this clock is more than 2 s from the store's");
    const asked = { purpose: 'settlement', items: [{ collection: 'cards', token }] };
    await expect(as(client.key).then((bound) => bound.detokenise(asked))).rejects.toThrow();
    expect((await client.vault.detokenise(asked)).items).toMatchObject([{ value: PAN }]);
    expect(await timesIn(open)).toEqual([]);
    expect(await open.host.audit.verify()).toMatchObject({ ok: true, rows: 1 });
  },
);

it('a replica whose clock is behind stays at the time of the others', async () => {
  const { open, client, token } = await filled();
  const { as } = await openAround(withClock(open, -365 * DAY), (store) => store);
  const bound = await as(client.key);
  const { items } = await bound.detokenise({
    purpose: 'settlement',
    items: [{ collection: 'cards', token }],
  });
  expect(items).toMatchObject([{ value: PAN }]);
  const times = (await logOf(open)).map(({ at }) => String(at));
  expect(times.toSorted()).toEqual(times);
});
