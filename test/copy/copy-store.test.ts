import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { writeKeyFile } from '../../src/masterkey/file.ts';
import { COPIED } from '../../src/store/paging.ts';
import * as tables from '../../src/store/tables.ts';
import { base58 } from '../../src/vault/base58.ts';
import { tamper, eventsOf } from '../attack/tamper.ts';
import { makeVaultDir, openVaultDir } from '../harness.ts';
import {
  aVault,
  copy,
  fileOf,
  headIn,
  isServed,
  NEW,
  OLD,
  otherSettings,
  reopenOld,
  rowsIn,
  standingIn,
  toSqlite,
  valuesOf,
} from './moving.ts';

/** A move from one file to another, in this process. */
vi.setConfig({ testTimeout: 600_000 });

it('every table is copied but the head and the leases, and the vault that tests move has rows in each', async () => {
  const all = Object.keys(tables).toSorted();
  expect([...COPIED.keys(), 'head', 'leases'].toSorted()).toEqual(all);
  const empty = Object.entries(rowsIn(fileOf((await aVault()).dir, OLD))).filter(
    ([, rows]) => rows.length === 0,
  );
  expect(empty.map(([table]) => table)).toEqual([]);
});

it('moves rows, keys, the log and its head, and every value is as it was', async () => {
  const one = await aVault();
  toSqlite(one.dir);
  const before = eventsOf(fileOf(one.dir, OLD)).length;
  const report = await copy(one.dir);
  expect(report).toMatchObject({ moved: true, from: 'sqlite:vault.db', to: 'sqlite:vault.db', findings: [] });
  const [old, made] = [fileOf(one.dir, OLD), fileOf(one.dir, NEW)];
  expect(rowsIn(made)).toEqual(rowsIn(old));
  expect(headIn(made)).toEqual(headIn(old));
  expect([standingIn(old), standingIn(made)]).toEqual([
    `moved sqlite:vault.db ${report.copy}`,
    `open ${report.copy}`,
  ]);
  // The last event of the old log says where to, and is in the copy too; and nothing else happened on the way.
  const events = eventsOf(made);
  expect(events.at(-1)).toMatchObject({
    action: 'store.copy',
    actor: { kind: 'host' },
    detail: { to: 'sqlite:vault.db' },
  });
  expect(events).toHaveLength(before + 1);
  for (const { id, cells } of report.trial?.inspection.keys.filter(({ use }) => use === 'seal') ?? [])
    expect([id, cells > 0]).toEqual([id, true]);

  expect(await isServed(one.dir, OLD)).toBe(false);
  expect(await valuesOf(one, NEW)).toEqual(one.cards);
  // Run again, it says that it is done, and changes nothing.
  const rows = rowsIn(made);
  expect(await copy(one.dir)).toMatchObject({ moved: true, copy: report.copy, trial: null });
  expect(rowsIn(made)).toEqual(rows);
  await expect(reopenOld(one.dir)).rejects.toThrow(/closed for good/);
});

it('moves on from there, and back', async () => {
  const one = await aVault();
  toSqlite(one.dir);
  await copy(one.dir);
  toSqlite(one.dir, 'third.yaml', 'third/vault.db');
  expect(await copy(one.dir, undefined, [NEW, 'third.yaml'])).toMatchObject({ moved: true });
  expect(await isServed(one.dir, NEW)).toBe(false);
  expect(await valuesOf(one, 'third.yaml')).toEqual(one.cards);
});

it('a reopened store is served, and what was copied of it never is', async () => {
  const one = await aVault();
  toSqlite(one.dir);
  await expect(copy(one.dir, stopAt('Comparing both stores'))).rejects.toThrow('stopped');
  expect(standingIn(fileOf(one.dir, OLD))).toBe('leaving sqlite:vault.db');
  await reopenOld(one.dir);
  expect(
    eventsOf(fileOf(one.dir, OLD))
      .slice(-2)
      .map(({ action }) => action),
  ).toEqual(['store.copy', 'store.reopen']);
  expect(await valuesOf(one, OLD)).toEqual(one.cards);
  await expect(copy(one.dir)).rejects.toThrow(/given up/);
  await expect(reopenOld(one.dir)).rejects.toThrow(/open already/);
  expect([await isServed(one.dir, OLD), await isServed(one.dir, NEW)]).toEqual([true, false]);
  // Closed anew, for a copy of its own.
  toSqlite(one.dir, 'third.yaml', 'third/vault.db');
  await expect(copy(one.dir, stopAt('Handing over'), [OLD, 'third.yaml'])).rejects.toThrow('stopped');
  await expect(copy(one.dir)).rejects.toThrow(/given up/);
  expect(await copy(one.dir, undefined, [OLD, 'third.yaml'])).toMatchObject({ moved: true });
});

it.each([
  ['another name', (text: string) => text.replace('name: test', 'name: other'), /same vault.name/],
  [
    'another environment',
    (text: string) => text.replace('environment: test', 'environment: prod'),
    /same vault.name/,
  ],
  [
    'another master key',
    (text: string) => text.replace('path: keys', 'path: other-keys'),
    /does not open under this master key/,
  ],
  [
    'the store itself',
    (text: string) => text.replace('moved/vault.db', 'data/vault.db'),
    /holds this vault already/,
  ],
])('settings with %s are refused before anything is closed', async (_, edit, why) => {
  const one = await aVault();
  const path = toSqlite(one.dir);
  writeKeyFile(join(one.dir, 'other-keys'), `mk_${base58(randomBytes(8), 12)}`, randomBytes(32));
  writeFileSync(path, edit(readFileSync(path, 'utf8')));
  await expect(copy(one.dir)).rejects.toThrow(why);
  expect(await isServed(one.dir, OLD)).toBe(true);
});

it('a master key of the same name with other bytes is refused before anything is closed', async () => {
  const one = await aVault();
  const path = toSqlite(one.dir);
  const [, id = ''] = /v1:(mk_\w+):/.exec(readFileSync(join(one.dir, 'keys'), 'utf8')) ?? [];
  writeKeyFile(join(one.dir, 'other-keys'), id, randomBytes(32));
  writeFileSync(path, readFileSync(path, 'utf8').replace('path: keys', 'path: other-keys'));
  await expect(copy(one.dir)).rejects.toThrow(/does not open under this master key/);
  expect(await isServed(one.dir, OLD)).toBe(true);
});

it('a store that is not empty is refused before anything is closed', async () => {
  const one = await aVault();
  const other = await makeVaultDir();
  await (await openVaultDir(other)).close();
  otherSettings(one.dir, NEW, `sqlite:${join(other, 'data/vault.db')}`);
  await expect(copy(one.dir)).rejects.toThrow(/another vault/);
  // The same vault, as a backup is.
  const twin = await aVault();
  otherSettings(one.dir, NEW, `sqlite:${join(twin.dir, 'data/vault.db')}`);
  await expect(copy(one.dir)).rejects.toThrow(/this vault already/);
  // Rows without a head.
  tamper(join(twin.dir, 'data/vault.db'), (db) => db.exec('delete from "head"'));
  await expect(copy(one.dir)).rejects.toThrow(/rows of no vault/);
  expect(await isServed(one.dir, OLD)).toBe(true);
});

it('a store whose keys or clients somebody changed is not closed', async () => {
  const one = await aVault();
  toSqlite(one.dir);
  tamper(fileOf(one.dir, OLD), (db) => db.exec('delete from "clients"'));
  await expect(copy(one.dir)).rejects.toThrow(/do not authenticate/);
  expect(standingIn(fileOf(one.dir, OLD))).toBe('open');
});

it.each([
  ['an event', `update "events" set "bytes" = x'7b7d' where "index" = 3`],
  ['a value', `update "values" set "creator" = 'cli_other'`],
  ['a fingerprint', 'delete from "fingerprints"'],
  ['an earlier version', 'delete from "earlier"'],
  ['a subject', 'update "subjects" set "revision" = 9'],
])('a tampered source is not moved: %s', async (_, sql) => {
  const one = await aVault();
  toSqlite(one.dir);
  tamper(fileOf(one.dir, OLD), (db) => db.exec(sql));
  const report = await copy(one.dir);
  expect(report.moved).toBe(false);
  expect(report.findings.length).toBeGreaterThan(0);
  expect([await isServed(one.dir, OLD), await isServed(one.dir, NEW)]).toEqual([false, false]);
  await reopenOld(one.dir);
  expect(await isServed(one.dir, OLD)).toBe(true);
});

it.each([
  ['text where bytes are kept', `update "values" set "cell" = 'text'`],
  ['bytes where text is kept', `update "values" set "creator" = x'00'`],
  ['a number that is none', `update "claims" set "at" = 1.5`],
])('a column of another type is not carried over: %s', async (_, sql) => {
  const one = await aVault();
  toSqlite(one.dir);
  tamper(fileOf(one.dir, OLD), (db) => db.exec(sql));
  await expect(copy(one.dir)).rejects.toThrow(/is not as the vault wrote it/);
  expect([await isServed(one.dir, OLD), await isServed(one.dir, NEW)]).toEqual([false, false]);
});

it.each([
  [
    'a row of another content',
    `update "issued" set "at" = "at" + 1 where "row" = (select min("row") from "issued")`,
    'issued',
  ],
  ['a row less', `delete from "values" where "row" = (select min("row") from "values")`, 'values'],
  [
    'a last row that is none',
    `insert into "events" select 9007199254740991, "bytes" from "events" where "index" = 0`,
    'events',
  ],
  [
    'a row more',
    `insert into "issued" select 'aaa', "hash", "row", "ended", "at" from "issued" limit 1`,
    'issued',
  ],
])('a tampered target is not opened: %s', async (_, sql, table) => {
  const one = await aVault();
  toSqlite(one.dir);
  await expect(copy(one.dir, stopAt('Comparing both stores'))).rejects.toThrow('stopped');
  tamper(fileOf(one.dir, NEW), (db) => db.exec(sql));
  const report = await copy(one.dir);
  expect(report.moved).toBe(false);
  expect(report.findings).toContainEqual({
    index: null,
    table,
    problem: 'its rows are not those of the old store',
  });
  expect([await isServed(one.dir, OLD), await isServed(one.dir, NEW)]).toEqual([false, false]);
  // An empty store is begun anew: the old one is closed for whoever completes a copy of it.
  rmSync(join(one.dir, 'moved'), { recursive: true });
  expect(await copy(one.dir)).toMatchObject({ moved: true });
});

it.each(['open', 'moved sqlite:vault.db cpy_1111111111111', 'leaving sqlite:vault.db'])(
  'a standing that was written into the database opens nothing: %s',
  async (standing) => {
    const one = await aVault();
    toSqlite(one.dir);
    await expect(copy(one.dir, stopAt('Comparing both stores'))).rejects.toThrow('stopped');
    for (const settings of [OLD, NEW]) {
      const was = standingIn(fileOf(one.dir, settings));
      const write = (text: string) =>
        tamper(
          fileOf(one.dir, settings),
          (db) => void db.prepare('update "head" set "standing" = ?').run(text),
        );
      if (was === standing) continue;
      write(standing);
      expect(await isServed(one.dir, settings)).toBe(false);
      await expect(copy(one.dir)).rejects.toThrow(/not as the vault wrote|another vault/);
      write(was);
    }
    expect(await copy(one.dir)).toMatchObject({ moved: true });
  },
);

/** Ends a move when it comes to a step. */
function stopAt(step: string): (told: string) => void {
  return (told) => {
    if (told === step) throw new Error('stopped');
  };
}
