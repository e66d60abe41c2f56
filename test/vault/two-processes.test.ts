import { expect, it } from 'vitest';
import { logOf } from '../attack/tamper.ts';
import { newVault, openVaultDir } from '../harness.ts';

/** Two open vaults on one store, as two processes have: what one answered holds in the other, refusals included. */

async function two() {
  const one = await newVault();
  const other = await openVaultDir(one.dir);
  return { one, other };
}

it('a client that was added elsewhere can be revoked at once', async () => {
  const { one, other } = await two();
  await other.host.clients.list();
  await one.add(['tokenise:cards'], { name: 'leaked' });
  await expect(other.host.clients.revoke({ client: 'leaked' })).resolves.toMatchObject({ state: 'revoked' });
});

it.each([0, 1, 2, 3, 4])('a key that was revoked elsewhere is told nothing by a refusal: %i', async (n) => {
  const { one, other } = await two();
  const custodian = await one.add(['clients:*'], { kind: 'custodian' });
  const service = await one.add(['tokenise:cards', 'detokenise:cards@settlement']);
  const body = { items: [{ collection: 'cards', value: '4111111111111111' }] };
  const asked = {
    purpose: 'settlement',
    ticket: '4111111111111111',
    items: [{ collection: 'cards', token: 'x' }],
  };
  const [keeper, asker] = [await other.as(custodian.key), await other.as(service.key)];
  await asker.tokenise(body, 'one');
  await one.host.clients.revoke({ client: custodian.id });
  await one.host.clients.revoke({ client: service.id });
  const grants = ['tokenise:cards'];
  const tried = [
    () => keeper.clients.revoke({ client: 'nobody' }),
    () => keeper.clients.add({ name: custodian.name, kind: 'service', grants, expiresAt: null }),
    () => keeper.clients.add({ name: 'new', kind: 'service', grants: ['clients:*'], expiresAt: null }),
    () => asker.tokenise({ items: [...body.items, ...body.items] }, 'one'),
    () => asker.detokenise(asked),
  ];
  await expect(tried[n]?.()).rejects.toMatchObject({ code: 'unauthenticated' });
});

it('a refusal of a known caller for what it asked is an event first', async () => {
  const open = await newVault();
  const custodian = await open.add(['clients:*'], { kind: 'custodian' });
  const service = await open.add(['tokenise:cards', 'detokenise:cards@settlement']);
  const grants = ['tokenise:cards'];
  const pan = '4111111111111111';
  const request = { items: [{ collection: 'cards', value: pan }] };
  await service.vault.tokenise(request, 'one');
  const add = (name: string, more: object = {}) =>
    custodian.vault.clients.add({ name, kind: 'service', grants, expiresAt: null, ...more });
  const refused: [string, string, () => Promise<unknown>][] = [
    ['clients.revoke', 'not_found', () => custodian.vault.clients.revoke({ client: 'nobody' })],
    ['clients.add', 'conflict', () => add(service.name)],
    ['clients.add', 'invalid_request', () => add('x', { grants: ['audit:*'] })],
    ['clients.add', 'invalid_request', () => add('x', { expiresAt: '1960-01-01T00:00:00Z' })],
    ['clients.add', 'value_in_clear', () => add(pan)],
    [
      'tokenise',
      'idempotency_mismatch',
      () => service.vault.tokenise({ items: [...request.items, ...request.items] }, 'one'),
    ],
    ['tokenise', 'value_in_clear', () => service.vault.tokenise(request, pan)],
    [
      'detokenise',
      'value_in_clear',
      () =>
        service.vault.detokenise({
          purpose: 'settlement',
          ticket: pan,
          items: [{ collection: 'cards', token: 'x' }],
        }),
    ],
  ];
  for (const [action, code, attempt] of refused) {
    await expect(attempt(), `${action} ${code}`).rejects.toMatchObject({ code });
    const last = (await logOf(open)).at(-1);
    expect(last).toMatchObject({ action, outcome: 'denied', reason: code });
    expect(JSON.stringify(last)).not.toContain(pan);
  }
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});
