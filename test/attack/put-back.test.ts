import { describe, expect, it } from 'vitest';
import { readFileSync, writeFileSync } from 'node:fs';
import { PRIMARY_KEY, type Table } from '../../src/vault/rows.ts';
import type { Row } from '../engine.ts';
import { newVault, openVaultDir, type TestVault } from '../harness.ts';
import { logOf } from './tamper.ts';

/** Rows that were the vault's own, put back after they had changed or gone: their MACs and cells are as good as ever. */

const POLICY = `
purposes:
  settlement: { basis: contract }
collections:
  cards: { format: pan, lengths: { min: 15, max: 19 }, lookup: true, purposes: [settlement] }
  cards-known: { format: pan, lengths: { min: 15, max: 19 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
  secrets: { format: text, overlap: 24h, purposes: [settlement] }
`;
const GRANTS = [
  ...['tokenise', 'replace', 'lookup', 'describe', 'erase'].map((action) => `${action}:*`),
  'detokenise:*@settlement',
];
const PAN = '4111111111111111';
const OTHER = '5555555555554444';

/** All rows of a table, as they are now. */
const kept = ({ writer }: TestVault, table: string): Promise<Row[]> => writer.sql(`select * from "${table}"`);

/** Puts rows in the place of those that have their keys now. */
async function putBack({ writer }: TestVault, table: string, rows: readonly Row[]): Promise<void> {
  const key: readonly string[] = { ...PRIMARY_KEY, earlier: ['row'] }[table as Table | 'earlier'];
  for (const row of rows) {
    const columns = Object.keys(row);
    const places = columns.map((_, i) => `$${i + 1}`).join(', ');
    const set = columns.map((name) => `"${name}" = excluded."${name}"`).join(', ');
    await writer.sql(
      `insert into "${table}" (${quoted(columns)}) values (${places}) on conflict (${quoted(key)}) do update set ${set}`,
      ...Object.values(row),
    );
  }
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

async function start(collection: string, value = PAN) {
  const open = await newVault(POLICY);
  const client = await open.add(GRANTS);
  const { items } = await client.vault.tokenise({ items: [{ collection, value, subject: 'cus_1' }] });
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  const named = { collection, token };
  const [row = ''] = (await kept(open, 'values')).map((one) => (one['row'] as Buffer).toString('hex'));
  return {
    open,
    row,
    named,
    vault: client.vault,
    client,
    replace: (to: string) => client.vault.replace({ items: [{ ...named, value: to }] }),
    erase: () => client.vault.erase({ reason: 'asked', items: [named] }),
    show: async (version?: number) => {
      const asked = { ...named, ...(version === undefined ? {} : { version }) };
      return (await client.vault.detokenise({ purpose: 'settlement', items: [asked] })).items[0];
    },
  };
}

const failing = (code: string) => ({ error: { code } });

/** What `audit verify` finds, in its own words. */
async function mustFind(open: TestVault, table: string, problem: RegExp | string): Promise<void> {
  const { ok, findings } = await open.host.audit.verify();
  expect(ok).toBe(false);
  const told = expect.stringMatching(problem) as unknown;
  expect(findings).toContainEqual({ index: null, table, problem: told });
}

/** What reading finds becomes an event that names the record. */
async function mustName(open: TestVault, table: string, record: unknown): Promise<void> {
  await open.vault.maintain();
  expect(await logOf(open)).toContainEqual(
    expect.objectContaining({
      action: 'integrity',
      outcome: 'failed',
      detail: expect.objectContaining({ table, record }) as unknown,
    }),
  );
}

describe('an older row that is put back', () => {
  it.each(['replace', 'erase'] as const)(
    'of fingerprints, after %s, is refused to those who tokenise, and named',
    async (verb) => {
      const { open, vault, row, ...at } = await start('cards-known');
      const old = await kept(open, 'fingerprints');
      await (verb === 'replace' ? at.replace(OTHER) : at.erase());
      await putBack(open, 'fingerprints', old);
      const item = { collection: 'cards-known', value: PAN, subject: 'cus_1' };
      expect((await vault.tokenise({ items: [item] })).items).toMatchObject([failing('integrity')]);
      await mustName(open, 'fingerprints', row);
      // Two of them point at one value, and one is not its own.
      const told = verb === 'replace' ? 'as another does' : 'which the log ended';
      await mustFind(open, 'fingerprints', `points at ${row}, ${told}`);
    },
  );

  it('of lookups is refused to those who look up, and named', async () => {
    const { open, vault, row, replace } = await start('cards');
    const old = await kept(open, 'lookups');
    await replace(OTHER);
    await putBack(open, 'lookups', old);
    const item = { collection: 'cards', value: PAN, subject: 'cus_1' };
    expect((await vault.lookup({ items: [item] })).items).toMatchObject([failing('integrity')]);
    await mustName(open, 'values', row);
    await mustFind(open, 'lookups', row);
  });

  it('of lookups whose value was erased points at nothing, and verify names it', async () => {
    const { open, vault, row, erase } = await start('cards');
    const old = await kept(open, 'lookups');
    await erase();
    await putBack(open, 'lookups', old);
    const item = { collection: 'cards', value: PAN, subject: 'cus_1' };
    expect((await vault.lookup({ items: [item] })).items).toEqual([{ tokens: [] }]);
    await mustFind(open, 'lookups', `points at ${row}, which the log ended`);
  });

  it('of subjects that is gone again is refused to those who describe, and named', async () => {
    const { open, vault, named, row } = await start('cards');
    const [subject] = await kept(open, 'subjects');
    // The table as it was before its subject was met.
    await open.writer.sql('delete from subjects');
    expect((await vault.describe({ items: [named] })).items).toMatchObject([failing('internal')]);
    expect((await logOf(open)).at(-1)).toMatchObject({ action: 'reveal_failed', row });
    await mustName(open, 'subjects', subject?.['id']);
    await mustFind(open, 'subjects', `the subject of ${row} is gone`);
  });

  it('of claims that answers for another key is refused, and named', async () => {
    const { open, named, client } = await start('cards');
    const erasing = (reason: string) => ({ reason, items: [named] });
    await client.vault.replace({ items: [{ ...named, value: OTHER }] }, 'one');
    const [first] = await kept(open, 'claims');
    await client.vault.erase(erasing('asked'), 'two');
    const isFirst = ({ key }: Row): boolean => String(key) === String(first?.['key']);
    const second = (await kept(open, 'claims')).find((claim) => !isFirst(claim));
    await putBack(open, 'claims', [{ ...first, key: second?.['key'] }]);
    await expect(client.vault.erase(erasing('asked'), 'two')).rejects.toMatchObject({ code: 'integrity' });
    await mustName(open, 'claims', client.id);
    await mustFind(open, 'claims', client.id);
  });

  it('of earlier versions is refused by its version, and verify names it', async () => {
    const { open, row, replace, show } = await start('secrets', 'first');
    await replace('second');
    const old = await kept(open, 'earlier');
    expect(await show(1)).toEqual({ value: 'first' });
    await replace('third');
    await putBack(open, 'earlier', old);
    // It would open, and its time has not ended: but it is not the version before.
    expect(await show(1)).toMatchObject(failing('token_ended'));
    expect(await show(2)).toMatchObject(failing('token_ended'));
    expect(await show()).toEqual({ value: 'third' });
    await mustFind(open, 'earlier', `the version before ${row} is not as it was sealed`);
  });

  it('of earlier versions that were purged is refused by its time, and verify names it', async () => {
    const { open, row, replace, show } = await start('secrets', 'first');
    await replace('second');
    const old = await kept(open, 'earlier');
    open.clock.offset = 25 * 3_600_000;
    await open.vault.maintain();
    await putBack(open, 'earlier', old);
    expect(await show(1)).toMatchObject(failing('token_ended'));
    await mustFind(open, 'earlier', `a version before ${row} is kept, though the log ended it`);
  });

  it('of values that were replaced is shown again until verify names it', async () => {
    const { open, row, replace, show } = await start('secrets', 'first');
    const old = await kept(open, 'values');
    await replace('second');
    await putBack(open, 'values', old);
    // Nothing that a reveal reads says which version is the newest: only the log does.
    expect(await show()).toEqual({ value: 'first' });
    await mustFind(open, 'values', `${row} is version 1, where the log says 2`);
  });

  it('of values that were erased is shown again until verify names it', async () => {
    const { open, row, erase, show } = await start('cards');
    const tables = ['values', 'issued', 'lookups'];
    const old: [string, Row[]][] = [];
    for (const table of tables) old.push([table, await kept(open, table)]);
    await erase();
    await putBack(open, 'values', old[0]?.[1] ?? []);
    // The token has ended, whatever is put behind it.
    expect(await show()).toMatchObject(failing('token_ended'));
    for (const [table, rows] of old) await putBack(open, table, rows);
    expect(await show()).toEqual({ value: PAN });
    await mustFind(open, 'issued', `${row} is live, though the log ended it`);
    await mustFind(open, 'values', `${row} is kept, though the log ended it`);
  });

  it.each(['clients', 'grants', 'policies', 'collections', 'keys'])(
    'or is gone again, of %s, closes the vault, and is named',
    async (table) => {
      const { open, client, show } = await start('cards');
      const old = await kept(open, table);
      // Each table gets a change: another client and its grants; another policy, collection and its keys.
      await open.host.clients.revoke({ client: (await open.add(['tokenise:cards'])).id });
      await open.close();
      const text = readFileSync(open.configPath, 'utf8');
      writeFileSync(
        open.configPath,
        `${text.replace('overlap: 24h', 'overlap: 12h')}  more: { format: text, tokens: deterministic, purposes: [settlement] }\n`,
      );
      const again = await openVaultDir(open.dir);
      await again.host.clients.revoke({ client: client.id });
      await again.writer.sql(`delete from "${table}"`);
      await putBack(again, table, old);
      await again.vault.recheck();
      await expect(show()).rejects.toBeDefined();
      await expect(again.as(client.key)).rejects.toMatchObject({ code: 'integrity' });
      await mustFind(again, table, 'rows were changed, deleted or put back');
      expect(again.notices).toContainEqual(expect.objectContaining({ kind: 'integrity', table }));
    },
  );
});
