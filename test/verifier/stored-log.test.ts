import Database from 'better-sqlite3';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkLog, type OpenedPlace } from '../../src/verify-log.ts';
import { newVault, tempDir, type TestVault } from '../harness.ts';
import { first } from './made-log.ts';

/** The log in a vault's own store, read by whoever has its key and not the master key. */

/** A vault whose log has a full tile, and what an auditor has of it. */
async function published(): Promise<{ open: TestVault; key: string; kept: string }> {
  const open = await newVault();
  await open.vault.follow();
  const kept = join(open.dir, 'kept');
  writeFileSync(kept, (await open.host.audit.checkpoint()).checkpoint);
  await grow(open, 300);
  await open.vault.follow();
  const { key } = await open.host.audit.key();
  return { open, key, kept };
}

async function grow({ host }: TestVault, events: number): Promise<void> {
  await Promise.all(Array.from({ length: events }, () => host.audit.key()));
}

const check = (open: TestVault, key: string, ...against: string[]) =>
  checkLog({ key, witnesses: [], quorum: null, against }, placeOf(open), () => undefined);

/** As a command names a store. */
function placeOf({ settings: { store } }: TestVault): OpenedPlace {
  const named = { kind: 'store', passwordFile: null, ca: null } as const;
  if (store.engine === 'sqlite') return { ...named, url: `sqlite:${store.path}` };
  const { user, host, port, database, passwordFile } = store;
  return { ...named, url: `postgres://${user}@${host}:${port}/${database}`, passwordFile };
}

it('is verified out of the store, up to its newest checkpoint, while it is served', async () => {
  const { open, key, kept } = await published();
  const found = await check(open, key, kept);
  expect(found).toMatchObject({ findings: [], key, unsigned: 1 });
  expect(found.anchored).toBeGreaterThan(0);
  expect(found.size).toBeGreaterThan(300);
  await open.vault.follow();
  expect(await check(open, key)).toMatchObject({
    findings: [],
    anchored: 0,
    size: found.size + 1,
    unsigned: 0,
  });
});

const of = (about: string, index: number | null) => expect.objectContaining({ about, index });

it('a changed event is named, as is one that is gone', async () => {
  const { open, key } = await published();
  const [event] = await open.writer.sql('select "bytes" from "events" where "index" = 200');
  const bytes = Buffer.from(event?.['bytes'] as Buffer);
  await open.writer.sql(
    'update "events" set "bytes" = $1 where "index" = 200',
    Buffer.from(bytes.toString().replace('audit.key', 'audit.kez')),
  );
  expect((await check(open, key)).findings).toEqual([
    { about: 'events', index: 200, problem: 'this event is not the one that was signed' },
  ]);
  await open.writer.sql('update "events" set "bytes" = $1 where "index" = 200', bytes);
  expect((await check(open, key)).findings).toEqual([]);
  await open.writer.sql('delete from "events" where "index" = 100');
  expect((await check(open, key)).findings[0]).toEqual(of('events', 100));
});

it('a log that was cut, and all that was published of the rest, is found by a later checkpoint', async () => {
  const { open, key, kept } = await published();
  const later = join(open.dir, 'later');
  writeFileSync(later, (await open.host.audit.checkpoint()).checkpoint);
  const size = (await check(open, key, kept)).anchored;
  await open.writer.sql('delete from "events" where "index" >= $1', size);
  await open.writer.sql('delete from "tiles"');
  await open.writer.sql('update "checkpoints" set "note" = $1', readFileSync(kept, 'utf8'));
  expect(await check(open, key, kept)).toMatchObject({ findings: [], size, anchored: size });
  expect((await check(open, key, later)).findings).toEqual([of('events', size)]);
});

it.each([
  ['a tile that is gone', 'delete from "tiles"', of('tiles', 0)],
  ['a tile of another place', 'update "tiles" set "index" = 7', of('tiles', 0)],
  ['no checkpoint of a form', `update "checkpoints" set "note" = 'none'`, null],
  ['no checkpoint at all', 'delete from "checkpoints"', null],
  [
    'an earlier checkpoint that is none',
    `insert into "checkpoints" values (1, 1, 1, 'none')`,
    of('checkpoint', null),
  ],
])('a store with %s is found', async (_, sql, finding) => {
  const { open, key } = await published();
  await open.writer.sql(sql);
  if (finding === null) await expect(check(open, key)).rejects.toMatchObject({ name: 'SourceRefused' });
  else expect((await check(open, key)).findings).toEqual([finding]);
});

it('a SQLite file is read for its tables alone: nothing of its schema is run', async () => {
  for (const sql of [
    'create view "events" as select 0 as "index", randomblob(8) as "bytes"',
    'create table "events" ("index" integer primary key, "seed" blob, "bytes" blob generated always as (hex("seed")))',
    'create table "events" ("index" integer primary key, "bytes" as (zeroblob(8)))',
    'create virtual table "events" using fts5("index", "bytes")',
  ]) {
    const path = join(tempDir(), 'given.db');
    const db = new Database(path);
    db.exec(
      `${sql}; create table "tiles" ("level", "index", "hashes"); create table "checkpoints" ("slot", "note")`,
    );
    db.close();
    const given = { kind: 'store', url: `sqlite:${path}`, passwordFile: null, ca: null } as const;
    const pins = { key: first.verifier.text, witnesses: [], quorum: null, against: [] };
    await expect(
      checkLog(pins, given, () => undefined),
      sql,
    ).rejects.toThrow('has not the tables');
  }
});
