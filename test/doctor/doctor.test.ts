import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examine } from '../../src/vault/examine.ts';
import { inspectSqlite } from '../../src/store/sqlite-inspection.ts';
import { fileMasterKey } from '../../src/masterkey/file.ts';
import { tamper } from '../attack/tamper.ts';
import { made } from '../cli/made.ts';
import { certificate } from '../http/certificate.ts';
import { strongroom } from '../served.ts';
import { serveProcess } from '../process.ts';
import { patient } from './patient.ts';
import { letters } from '../letters.ts';

const DAY = 24 * 60 * 60 * 1000;
const idsOf = ({ findings }: { findings: readonly { id: string }[] }) => findings.map(({ id }) => id);

it('a vault as init makes it has no finding, while it is served and when it is not', async () => {
  const { run, config } = await made('--first-key');
  const healthy = { code: 0, stdout: 'Nothing is wrong.\n', stderr: '' };
  expect(await run('doctor')).toEqual(healthy);
  const text = readFileSync(config, 'utf8');
  writeFileSync(config, text.replace('port: 7420', 'port: 0'));
  const served = await serveProcess(config);
  expect(await run('doctor')).toEqual(healthy);
  expect((await served.stop()).code).toBe(0);
  const { code, stdout } = await run('doctor', '--json');
  expect({ code, said: JSON.parse(stdout) as unknown }).toEqual({
    code: 0,
    said: { ok: true, findings: [], unchecked: [] },
  });
});

it('exits with 1 on any finding, a warning too, and says what it could not look at', async () => {
  const { run, config, at } = await made();
  chmodSync(config, 0o620);
  const warned = await run('doctor');
  expect(warned).toMatchObject({ code: 1, stderr: '' });
  expect(warned.stdout).toMatch(/^SEVERITY {2}ID +FINDING\nwarning +settings-mode +\/.*chmod go-w it\.\n$/);
  rmSync(at('keys'));
  const lost = await run('doctor', '--json');
  expect(lost.code).toBe(1);
  expect(JSON.parse(lost.stdout)).toMatchObject({
    ok: false,
    findings: [{ id: 'settings-mode' }, { id: 'key-file-unreadable', severity: 'error' }],
    unchecked: ['the vault, since nothing authenticates without the master key'],
  });
  expect(await strongroom(['doctor', '--config', at('none.yaml')])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/settings-unusable +\S+none\.yaml is not there/) as unknown,
  });
  expect(await strongroom(['doctor', '--url', 'http://localhost:1'])).toMatchObject({ code: 2 });
});

it('goes on as far as it can, and tells everything at once', async () => {
  const { edit, keyFile, store, dir, examine: look } = await patient();
  edit('basis: contract', 'basis: because');
  edit('port: 0 }', 'port: 0, tls: { cert: none.pem, key: none.pem } }');
  chmodSync(join(dir, 'data'), 0o777);
  chmodSync(keyFile, 0o666);
  tamper(store, (db) => db.pragma('journal_mode = delete'));
  expect(idsOf(await look()).toSorted()).toEqual([
    'folder-mode',
    'key-file-mode',
    'policy-unusable',
    'store-not-durable',
    'tls-unusable',
  ]);
});

it('writes nothing: the store is the same, byte for byte, and has no event of it', async () => {
  const { store, examine: look } = await patient();
  const before = readFileSync(store);
  await look();
  expect(readFileSync(store).equals(before)).toBe(true);
});

it('tells of no client that was made for a few days, never expires, is revoked or is long gone', async () => {
  const { open, host, examine: look } = await patient();
  await open(async ({ add, host: bound }) => {
    const expiresAt = (days: number) => ({ expiresAt: new Date(Date.now() + days * DAY).toISOString() });
    await add(['tokenise:cards']);
    await add(['tokenise:cards'], expiresAt(13));
    const { name } = await add(['tokenise:cards'], expiresAt(90));
    await bound.clients.revoke({ client: name });
  });
  for (const days of [1, 12, 14, 80, 91]) {
    host.now = () => Date.now() + days * DAY;
    expect((await look()).findings).toEqual([]);
  }
  await open(({ add }) =>
    add(['tokenise:cards'], { expiresAt: new Date(Date.now() + 20 * DAY).toISOString() }),
  );
  host.now = () => Date.now() + 35 * DAY;
  expect((await look()).findings).toEqual([]);
});

it('a key file is beside the store by any way that leads there, and is not where init puts it', async () => {
  const { dir, keyFile, edit, examine: look } = await patient();
  symlinkSync(join(dir, 'data'), join(dir, 'elsewhere'));
  writeFileSync(join(dir, 'data/master'), readFileSync(keyFile), { mode: 0o600 });
  edit('path: keys', 'path: elsewhere/master');
  expect(idsOf(await look())).toEqual(['key-file-beside-store']);
});

it('a certificate that fits has no finding', async () => {
  const { edit, examine: look } = await patient();
  const { cert, key } = certificate();
  edit('port: 0 }', `port: 0, tls: { cert: ${cert}, key: ${key} } }`);
  expect((await look()).findings).toEqual([]);
});

it('names nothing that somebody wrote into the store, nor any value or token of it', async () => {
  const { open, store, examine: look } = await patient();
  const known = ['4012888888881881', `secret-${letters(8)}`, 'cus_4711_known'];
  const [value = '', secret = '', subject = ''] = known;
  const { token } = await open(async ({ add }) => {
    const client = await add(['tokenise:cards', 'tokenise:notes']);
    const { items } = await client.vault.tokenise({
      items: [
        { collection: 'cards', value, subject },
        { collection: 'notes', value: secret, subject },
      ],
    });
    return items[0] as { token: string };
  });
  tamper(store, (db) => {
    const insert = db.prepare('insert into grants (client, "grant", revision, mac) values (?, ?, 1, ?)');
    insert.run(secret, value, Buffer.alloc(33, 1));
    db.prepare('update clients set name = ?').run(secret);
    db.prepare('update keys set id = ? where use = ?').run(value, 'audit');
  });
  const report = await look();
  expect(idsOf(report).toSorted()).toEqual([
    'row-foreign',
    'row-foreign',
    'row-foreign',
    'table-changed',
    'table-changed',
  ]);
  for (const text of [...known, token]) expect(JSON.stringify(report)).not.toContain(text);
});

it('knows every table of the store: one that is gone is found, whichever it is', async () => {
  const { store, examine: look } = await patient();
  const tables: string[] = [];
  tamper(store, (db) =>
    tables.push(
      ...db
        .prepare<[], string>(
          `select name from sqlite_schema where type = 'table' and name not like 'sqlite%' and name not like '\\_%' escape '\\'`,
        )
        .pluck()
        .all(),
    ),
  );
  expect(tables.length).toBeGreaterThan(15);
  for (const table of tables) {
    tamper(store, (db) => db.exec(`alter table "${table}" rename to "other"`));
    const { findings } = await look();
    expect(findings, table).toMatchObject([{ id: 'store-schema', sentence: expect.stringContaining(table) }]);
    tamper(store, (db) => db.exec(`alter table "other" rename to "${table}"`));
  }
  expect((await look()).findings).toEqual([]);
});

it('a log that is cut, longer or changed is found, and a whole one is not', async () => {
  const { open, store, keyFile } = await patient();
  await open(async ({ add }) => {
    for (let i = 0; i < 5; i++) await add(['tokenise:cards']);
  });
  const verdict = async (mostEvents = 1000) => {
    const { inspection } = inspectSqlite(store);
    if (inspection === null) return expect.fail('the store has other tables');
    const random = (bytes: number) => randomBytes(bytes);
    const masterKey = fileMasterKey(keyFile, { groups: [] }, random);
    const found = await examine({ inspection, masterKey, random, mostEvents });
    await inspection.close();
    return 'barred' in found ? found.barred : found.log;
  };
  expect(await verdict()).toEqual({ verdict: 'intact', index: null, from: 0 });
  // Of a log too long to be recomputed, the end: here 6 events, 4 and 2.
  expect(await verdict(3)).toEqual({ verdict: 'intact', index: null, from: 4 });
  expect(await verdict(1)).toEqual({ verdict: 'intact', index: null, from: 6 });
  tamper(store, (db) => db.exec(`insert into events select 6, bytes from events where "index" = 5`));
  expect(await verdict()).toEqual({ verdict: 'surplus', index: 6, from: 0 });
  tamper(store, (db) => db.exec('delete from events where "index" >= 5'));
  expect(await verdict()).toEqual({ verdict: 'gap', index: 5, from: 0 });
  tamper(store, (db) => db.exec(`insert into events select 5, bytes from events where "index" = 4`));
  expect(await verdict()).toEqual({ verdict: 'root', index: null, from: 0 });
  expect(await verdict(3)).toEqual({ verdict: 'root', index: null, from: 4 });
});
