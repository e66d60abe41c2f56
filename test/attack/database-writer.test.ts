import { describe, expect, it } from 'vitest';
import { someOf } from '../engine.ts';
import { newVault, openVaultDir, type TestClient, type TestVault } from '../harness.ts';
import { logOf } from './tamper.ts';

const CARDS = ['4111111111111111', '4012888888881881'];

interface Filled {
  readonly open: TestVault;
  readonly client: TestClient;
  readonly tokens: readonly string[];
  readonly known: readonly string[];
}

async function filled(): Promise<Filled> {
  const open = await newVault();
  const client = await open.add(
    ['cards', 'cards-known'].flatMap((name) => [`tokenise:${name}`, `detokenise:${name}@settlement`]),
  );
  const issue = async (collection: string) => {
    const { items } = await client.vault.tokenise({
      items: CARDS.map((value) => ({ collection, value, subject: 'cus_1', metadata: { a: 1 } })),
    });
    return items.map((item) => ('token' in item ? item.token : ''));
  };
  const tokens = await issue('cards');
  // Rows sort by the millisecond of their request: the first two are always the lowest.
  open.clock.offset += 1;
  return { open, client, tokens, known: await issue('cards-known') };
}

const show = async (client: TestClient, open: TestVault, token: string, collection = 'cards') => {
  const vault = await open.as(client.key);
  const { items } = await vault.detokenise({ purpose: 'settlement', items: [{ collection, token }] });
  return items[0];
};

describe('a cell opens in its own place alone', () => {
  const moves: [string, string][] = [
    [
      'another row',
      `update "values" set cell = (select cell from "values" v where v."row" > "values"."row" order by v."row" limit 1) where "row" = (select min("row") from "values")`,
    ],
    [
      'another key',
      `update "values" set key_id = (select id from keys where "use" = 'seal' and id <> key_id limit 1)`,
    ],
    ['another subject', `update "values" set subject = 'sub_1111111111111'`],
    ['no subject', `update "values" set subject = null`],
    ['a later expiry', `update "values" set expires_at = 9999999999999`],
    ['another version', `update "values" set version = 2`],
    ['another creator', `update "values" set creator = 'cli_1111111111111'`],
    [
      'another token',
      `update issued set "row" = (select max("row") from "values") where "row" = (select min("row") from "values")`,
    ],
  ];
  it.each(someOf(moves))('not with %s', async (_, sql) => {
    const { open, client, tokens } = await filled();
    await open.writer.sql(sql);
    const before = (await logOf(open)).length;
    const item = await show(client, open, tokens[0] ?? '');
    expect(item).toMatchObject({ error: { code: 'internal' } });
    expect(JSON.stringify(item)).not.toContain('4111111111111111');
    // The failure is an event before it is an answer, and names the event that it completes.
    expect((await logOf(open)).slice(before)).toMatchObject([
      { action: 'detokenise', outcome: 'done' },
      { action: 'reveal_failed', outcome: 'failed', after: before },
    ]);
    expect(await open.host.audit.verify()).toMatchObject({ ok: false });
  });
});

it('a fingerprint that points at another row is refused', async () => {
  const { open, client, known } = await filled();
  await open.writer.sql(
    `update fingerprints set "row" = (select max(f."row") from fingerprints f) where "row" = (select min(f."row") from fingerprints f)`,
  );
  const vault = await open.as(client.key);
  const { items } = await vault.tokenise({
    items: CARDS.map((value) => ({ collection: 'cards-known', value, subject: 'cus_1' })),
  });
  // The other one is answered as ever: one bad item never spoils another.
  const errors = items.map((item) => ('error' in item ? item.error.code : item.token));
  expect(errors.toSorted()).toEqual([expect.stringMatching(/^4/), 'integrity']);
  expect(known).toContain(errors.toSorted()[0]);
  await open.vault.maintain();
  expect((await logOf(open)).at(-1)).toMatchObject({
    action: 'integrity',
    detail: { table: 'fingerprints', record: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown },
  });
  expect(await open.host.audit.verify()).toMatchObject({ ok: false });
});

describe('rows that grant power', () => {
  it('a grant that was written into the database has no effect, and raises an event', async () => {
    const { open, client } = await filled();
    await open.writer.sql(
      'insert into grants values ($1, $2, 1, $3)',
      client.id,
      'tokenise:notes',
      Buffer.alloc(33, 1),
    );
    await open.vault.recheck();
    const vault = await open.as(client.key);
    const { items } = await vault.tokenise({ items: [{ collection: 'notes', value: 'x' }] });
    expect(items).toMatchObject([{ error: { code: 'collection_not_found' } }]);
    expect(await logOf(open)).toContainEqual(
      expect.objectContaining({
        action: 'integrity',
        outcome: 'failed',
        detail: expect.objectContaining({ table: 'grants' }) as unknown,
      }),
    );
    expect(open.notices).toContainEqual(expect.objectContaining({ kind: 'integrity', table: 'grants' }));
  });

  const edits: [string, string][] = [
    ['clients', `update clients set state = 'active', kind = 'custodian'`],
    ['clients', `delete from clients`],
    ['grants', `update grants set "grant" = 'detokenise:*@settlement' where "grant" = 'tokenise:cards'`],
    ['grants', `delete from grants where "grant" like 'detok%'`],
    ['policies', `update policies set text = replace(text, 'settlement', 'marketing')`],
    ['collections', `update collections set shape = replace(shape, 'random', 'deterministic')`],
    ['keys', `update keys set state = 'active', collection = null`],
    ['keys', `update keys set wrapped = (select wrapped from keys k where k.id <> keys.id limit 1)`],
    ['keys', `delete from keys where "use" = 'fingerprint'`],
  ];
  it.each(someOf(edits))('%s edited or deleted closes the vault: %s', async (table, sql) => {
    const { open, client, tokens } = await filled();
    await open.writer.sql(sql);
    await open.vault.recheck();
    await expect(show(client, open, tokens[0] ?? '')).rejects.toMatchObject({ code: 'integrity' });
    const report = await open.host.audit.verify();
    expect(report.findings.map((finding) => finding.table)).toContain(table);
  });

  it('an authentic older row that was put back is found', async () => {
    const { open, client, tokens } = await filled();
    const [row] = await open.writer.sql('select * from clients where id = $1', client.id);
    await open.host.clients.revoke({ client: client.id });
    await open.writer.sql(
      'update clients set state = $1, revision = $2, mac = $3 where id = $4',
      row?.['state'],
      row?.['revision'],
      row?.['mac'],
      client.id,
    );
    await open.vault.recheck();
    await expect(show(client, open, tokens[0] ?? '')).rejects.toMatchObject({ code: 'integrity' });
    expect((await open.host.audit.verify()).findings.map(({ table }) => table)).toContain('clients');
  });

  it('a head that was rolled back or edited opens nothing', async () => {
    const { open } = await filled();
    await open.close();
    await open.writer.sql('update head set epoch = epoch - 1');
    await expect(openVaultDir(open.dir)).rejects.toThrow(
      'the head of the log, or the keys that authenticate it',
    );
  });
});

describe('the log against somebody who writes the database', () => {
  const attacks: [string, string, string, ...Buffer[]][] = [
    ['an edit', `update events set bytes = $1 where "index" = 2`, 'events', Buffer.from('{"v":1}')],
    ['a gap', `delete from events where "index" = 3`, 'events'],
    ['a cut tail', `delete from events where "index" >= 3`, 'events'],
    [
      'a swap',
      `update events set "index" = -1 where "index" = 2; update events set "index" = 2 where "index" = 3; update events set "index" = 3 where "index" = -1`,
      'events',
    ],
    [
      'an invented event',
      `insert into events select "index" + 1, bytes from events order by "index" desc limit 1`,
      'events',
    ],
    ['a deleted value', `delete from "values" where "row" = (select min("row") from "values")`, 'values'],
    [
      'an invented value',
      `insert into "values" select $1, collection, token, cell, metadata, key_id, version, subject, expires_at, creator from "values" limit 1`,
      'values',
      Buffer.alloc(16),
    ],
    ['a deleted issued token', `delete from issued where "row" = (select min("row") from issued)`, 'issued'],
    [
      'a whole request taken away',
      `delete from issued; delete from "values"; delete from fingerprints; delete from subjects`,
      'issued',
    ],
    [
      'an invented issued token',
      `insert into issued select collection, $1, $2, null, 1 from issued limit 1`,
      'issued',
      Buffer.alloc(16),
      Buffer.alloc(16, 1),
    ],
    [
      'a token brought to its end',
      `update issued set ended = 5 where "row" = (select min("row") from issued)`,
      'issued',
    ],
    [
      'a deleted fingerprint',
      `delete from fingerprints where "row" = (select min("row") from fingerprints)`,
      'fingerprints',
    ],
    ['a deleted subject', `delete from subjects`, 'subjects'],
    ['an edited subject', `update subjects set id = 'sub_1111111111111'`, 'subjects'],
  ];
  it.each(someOf(attacks))('audit verify finds %s', async (_, sql, table, ...values) => {
    const { open } = await filled();
    await open.writer.sql(sql, ...values);
    const report = await open.host.audit.verify();
    expect(report.ok).toBe(false);
    expect(report.findings.map((finding) => finding.table)).toContain(table);
  });

  it('shows nothing whose event an invented one stands in the way of', async () => {
    const { open, client, tokens } = await filled();
    await open.writer.sql(
      `insert into events select "index" + 1, bytes from events order by "index" desc limit 1`,
    );
    await expect(show(client, open, tokens[0] ?? '')).rejects.toMatchObject({ code: 'audit_unavailable' });
    expect(open.notices).toContainEqual({
      kind: 'store',
      reason: 'the log holds events that the vault did not write',
    });
  });
});

describe('the log against somebody who writes the database, and keeps its head from moving', () => {
  /** Each would leave an event behind that no head counts, to be deleted without a trace. */
  const SWALLOWED = {
    sqlite: {
      'is passed over': 'create trigger kept before update on head begin select raise(ignore); end',
      'is undone': `create trigger kept after update on head when new.size > old.size begin
        update head set size = old.size, frontier = old.frontier, changes = old.changes, last_at = old.last_at, mac = old.mac; end`,
    },
    postgres: {
      'is passed over': `create function kept() returns trigger language plpgsql as $$ begin return null; end $$;
        create trigger kept before update on head for each row execute function kept()`,
      'is undone': `create function kept() returns trigger language plpgsql as $$ begin return old; end $$;
        create trigger kept before update on head for each row execute function kept()`,
    },
  };
  it.each(['is passed over', 'is undone'] as const)('no answer leaves where its change %s', async (how) => {
    const { open, client, tokens } = await filled();
    const { engine } = open.settings.store;
    const size = (await logOf(open)).length;
    await open.writer.sql(SWALLOWED[engine][how]);
    await expect(show(client, open, tokens[0] ?? '')).rejects.toMatchObject({ code: 'audit_unavailable' });
    expect(await logOf(open)).toHaveLength(size);
    await open.writer.sql(engine === 'sqlite' ? 'drop trigger kept' : 'drop trigger kept on head');
    expect(await show(client, open, tokens[0] ?? '')).toMatchObject({ value: CARDS[0] });
  });
});
