import { describe, expect, it } from 'vitest';
import { eventsOf } from '../attack/tamper.ts';
import { newVault, openVaultDir, type TestVault } from '../harness.ts';

const PAN = '4111111111111111';
const YEAR = 365 * 24 * 60 * 60 * 1000;

const grants = ['cards', 'cards-known'].flatMap((name) => [
  `tokenise:${name}`,
  `detokenise:${name}@settlement`,
]);

async function filled(
  more: readonly string[] = [],
): Promise<{ open: TestVault; client: Awaited<ReturnType<TestVault['add']>> }> {
  const open = await newVault();
  return { open, client: await open.add([...grants, ...more]) };
}

const tokensOf = (items: readonly object[]): string[] =>
  items.map((item) => String(Reflect.get(item, 'token')));

describe('deterministic tokens', () => {
  it('are the same for one value and subject: across calls, twins, callers at once, and a restart', async () => {
    const { open, client } = await filled();
    const item = { collection: 'cards-known', value: PAN };
    const twins = await client.vault.tokenise({ items: [item, { ...item, value: '4111 1111 1111 1111' }] });
    const many = await Promise.all(
      Array.from({ length: 32 }, () => client.vault.tokenise({ items: [item] })),
    );
    await open.close();
    const again = await (await openVaultDir(open.dir)).as(client.key);
    const later = await again.tokenise({ items: [item] });
    const tokens = [twins, later, ...many].flatMap(({ items }) => tokensOf(items));
    expect(new Set(tokens).size).toBe(1);
    const other = await again.tokenise({
      items: [
        { ...item, subject: 'cus_1' },
        { ...item, subject: 'cus_2' },
      ],
    });
    expect(new Set([...tokensOf(other.items), ...tokens]).size).toBe(3);
  });

  it('that expired are unknown, and tokenising meets them with a new one', async () => {
    const { open, client } = await filled();
    const expiresAt = new Date(Date.now() + YEAR).toISOString();
    const item = { collection: 'cards-known', value: PAN };
    const [first = ''] = tokensOf((await client.vault.tokenise({ items: [{ ...item, expiresAt }] })).items);
    open.clock.offset = 2 * YEAR;
    const asked = { purpose: 'settlement', items: [{ collection: 'cards-known', token: first }] };
    const unknown = {
      purpose: 'settlement',
      items: [{ collection: 'cards-known', token: '4111110000001112' }],
    };
    const expired = await client.vault.detokenise(asked);
    expect(expired.items).toEqual((await client.vault.detokenise(unknown)).items);
    const [second = ''] = tokensOf((await client.vault.tokenise({ items: [item] })).items);
    expect(second).not.toBe(first);
    expect(eventsOf(open.storePath).filter(({ action }) => action === 'expire')).toHaveLength(1);
    expect(await open.host.audit.verify()).toMatchObject({ ok: true, findings: [] });
  });
});

it('refuses what is not a value, item by item, and tells describers alone that a token ended', async () => {
  const { open, client } = await filled(['describe:cards']);
  const expiresAt = new Date(Date.now() + YEAR).toISOString();
  const [token = ''] = tokensOf(
    (await client.vault.tokenise({ items: [{ collection: 'cards', value: PAN, expiresAt }] })).items,
  );
  const { items } = await client.vault.tokenise({
    items: [
      { collection: 'cards', value: token },
      { collection: 'cards', value: '4111111111111112' },
      { collection: 'cards', value: PAN, ref: PAN },
      { collection: 'nowhere', value: PAN },
      { collection: 'cards', value: PAN, ref: 'good' },
    ],
  });
  expect(items).toMatchObject([
    { error: { code: 'already_token' } },
    { error: { code: 'invalid_value' } },
    { error: { code: 'value_in_clear' } },
    { error: { code: 'collection_not_found' } },
    { ref: 'good' },
  ]);
  open.clock.offset = 2 * YEAR;
  const asked = { purpose: 'settlement', items: [{ collection: 'cards', token }] };
  expect((await client.vault.detokenise(asked)).items).toMatchObject([{ error: { code: 'token_ended' } }]);
});

it('a purpose that stands on consent is refused, and the event says why', async () => {
  const { open } = await filled();
  const client = await open.add(['tokenise:cards', 'detokenise:cards@marketing']);
  const [token = ''] = tokensOf(
    (await client.vault.tokenise({ items: [{ collection: 'cards', value: PAN }] })).items,
  );
  const { items } = await client.vault.detokenise({
    purpose: 'marketing',
    items: [{ collection: 'cards', token }],
  });
  expect(items).toMatchObject([{ error: { code: 'token_not_found' } }]);
  expect(eventsOf(open.storePath).at(-1)).toMatchObject({ outcome: 'denied', reason: 'consent_required' });
});

it('an Idempotency-Key answers the same body from the first rows, at once too, and refuses another', async () => {
  const { open, client } = await filled();
  const request = { items: [{ collection: 'cards', value: PAN }] };
  const answers = await Promise.all(Array.from({ length: 8 }, () => client.vault.tokenise(request, 'one')));
  expect(new Set(answers.flatMap(({ items }) => tokensOf(items))).size).toBe(1);
  const other = { items: [{ collection: 'cards', value: '4012888888881881' }] };
  await expect(client.vault.tokenise(other, 'one')).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  expect(await open.host.audit.verify()).toMatchObject({ ok: true, rows: 1 });
});

it('kinds exclude one another', async () => {
  const { open } = await filled();
  const bad = [
    { kind: 'service' as const, grant: 'clients:*' },
    { kind: 'custodian' as const, grant: 'detokenise:cards@settlement' },
    { kind: 'auditor' as const, grant: 'tokenise:cards' },
    { kind: 'auditor' as const, grant: 'role:settler' },
  ];
  for (const { kind, grant } of bad)
    await expect(open.add([grant], { kind })).rejects.toMatchObject({ code: 'invalid_request' });
});
