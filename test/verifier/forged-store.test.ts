import Database from 'better-sqlite3';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sqliteSource } from '../../src/verifier/sqlite-source.ts';
import { verifySource } from '../../src/verifier/verification.ts';
import { tempDir } from '../harness.ts';
import { eventsOf, noteOf, PINS } from './made-log.ts';

/** A store that no vault made: its tables have the right names and columns, and nothing else of a vault's. */

const EVENTS = eventsOf(3);

function forged(copies: number): string {
  const path = join(tempDir(), 'forged.db');
  const db = new Database(path);
  db.exec(`create table events ("index" integer, bytes blob);
    create table tiles (level integer, "index" integer, hashes blob);
    create table checkpoints (slot integer, size integer, at integer, note text)`);
  const insert = db.prepare('insert into events values (?, ?)');
  db.transaction(() => {
    for (const [index, bytes] of EVENTS.entries())
      for (let copy = 0; copy < (index === 1 ? copies : 1); copy++) insert.run(index, bytes);
  })();
  db.prepare('insert into checkpoints values (1, 3, 0, ?)').run(noteOf(EVENTS));
  db.close();
  return path;
}

it('is a log where its events are, and none where one of them stands twice', async () => {
  const findings = async (copies: number) =>
    (await verifySource(sqliteSource(forged(copies)), PINS, () => undefined)).findings;
  expect(await findings(1)).toEqual([]);
  expect(await findings(2)).toMatchObject([{ about: 'events', index: 2, problem: 'this event is missing' }]);
});

it('is not read into memory, though one event stands there any number of times', async () => {
  const { entries } = await sqliteSource(forged(5000)).entries(0, 3);
  expect(entries).toHaveLength(257);
});
