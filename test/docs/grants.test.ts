import { expect, it } from 'vitest';
import { eventsOf } from '../attack/tamper.ts';
import { newVault, type TestVault } from '../harness.ts';

/** What the threat model promises of a key that was stolen, and of a caller that tries what it was not given. */

const PAN = '4111111111111111';

async function withToken(): Promise<{ readonly open: TestVault; readonly token: string }> {
  const open = await newVault();
  const writer = await open.add(['tokenise:cards', 'tokenise:acme/cards']);
  const { items } = await writer.vault.tokenise({ items: [{ collection: 'cards', value: PAN }] });
  return { open, token: String(Reflect.get(items[0] ?? {}, 'token')) };
}

/** Grants, and what asking for the one value in `cards` comes to: code, and the reason in the event. */
const refused: [string, readonly string[], string, string, string][] = [
  // `cards` lists settlement, and the caller may have it elsewhere and for another purpose here.
  [
    'a purpose of the collection that was granted elsewhere alone',
    ['detokenise:cards@marketing', 'detokenise:acme/cards@settlement'],
    'settlement',
    'purpose_not_allowed',
    'purpose not granted',
  ],
  [
    'a granted purpose that the collection does not list',
    ['detokenise:cards@support'],
    'support',
    'purpose_not_allowed',
    'purpose not listed by the collection',
  ],
  [
    'another action',
    ['tokenise:cards', 'describe:cards'],
    'settlement',
    'insufficient_grant',
    'action not granted',
  ],
  [
    'other collections',
    ['detokenise:acme/*@settlement', 'detokenise:cards-known@settlement'],
    'settlement',
    'collection_not_found',
    'no grant on the collection',
  ],
];

it.each(refused)(
  'a grant for %s shows nothing, and the refusal is an event',
  async (_, grants, purpose, code, reason) => {
    const { open, token } = await withToken();
    const { vault, id } = await open.add(grants);
    const { items } = await vault.detokenise({ purpose, items: [{ collection: 'cards', token }] });
    expect(items).toMatchObject([{ error: { code } }]);
    expect(JSON.stringify(items)).not.toContain(PAN);
    const last = eventsOf(open.storePath).at(-1);
    expect(last).toMatchObject({ action: 'detokenise', outcome: 'denied', reason, actor: { id } });
  },
);

it('a token is looked for in its own collection alone', async () => {
  const { open, token } = await withToken();
  const { vault } = await open.add(['detokenise:*@settlement']);
  const ask = async (collection: string) =>
    (await vault.detokenise({ purpose: 'settlement', items: [{ collection, token }] })).items;
  expect(await ask('cards-known')).toMatchObject([{ error: { code: 'token_not_found' } }]);
  expect(await ask('acme/cards')).toMatchObject([{ error: { code: 'token_not_found' } }]);
  expect(await ask('cards')).toEqual([{ value: PAN }]);
});

it('an API key is nobody from the moment that it expires', async () => {
  const { open, token } = await withToken();
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  const { vault, key } = await open.add(['detokenise:cards@settlement'], { expiresAt });
  const asked = { purpose: 'settlement', items: [{ collection: 'cards', token }] };
  expect((await vault.detokenise(asked)).items).toEqual([{ value: PAN }]);
  open.clock.offset = 120_000;
  // Neither a caller that is bound already, nor one who presents the key anew.
  await expect(vault.detokenise(asked)).rejects.toMatchObject({ code: 'unauthenticated' });
  await expect(open.as(key)).rejects.toMatchObject({ code: 'unauthenticated' });
});

it('each act of a custodian is an event that names him', async () => {
  const { open } = await withToken();
  const custodian = await open.add(['clients:*'], { kind: 'custodian' });
  const grants = ['detokenise:cards@settlement'];
  const made = await custodian.vault.clients.add({ name: 'made', kind: 'service', grants, expiresAt: null });
  await custodian.vault.clients.revoke({ client: 'made' });
  const actor = { id: custodian.id, kind: 'custodian' };
  expect(eventsOf(open.storePath).slice(-2)).toMatchObject([
    { action: 'clients.add', outcome: 'done', actor, detail: { client: made.id, name: 'made', grants } },
    { action: 'clients.revoke', outcome: 'done', actor, detail: { client: made.id } },
  ]);
});
