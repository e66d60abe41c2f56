import { existsSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { WitnessRefused } from './refused.ts';

/** What a witness keeps: the newest checkpoint that it cosigned of each log, and what is worth keeping besides. A SQLite file. */

/** The newest of a log. */
export interface Kept {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** As it was sent, with the signature of its log. */
  readonly note: string;
  /** When it was cosigned last, in seconds since 1970: never less than before. */
  readonly time: number;
}

/** Why something was put down: forgotten by the operator, or signed by the log and refused here. */
export type Happening = 'forgotten' | 'contradiction' | 'unproven';

/** What is put down of the past. */
export interface Past {
  readonly origin: string;
  readonly what: Happening;
  readonly at: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
  /** The operator's own words; empty for what was refused. */
  readonly reason: string;
}

export interface WitnessState {
  readonly newest: (origin: string) => Kept | null;
  readonly all: () => Kept[];
  readonly past: () => Past[];
  /** Decides with the file locked against every other process. Durable when it returns; whatever is thrown undoes it. */
  readonly locked: <T>(decide: (change: StateChange) => T) => T;
  readonly close: () => void;
}

export interface StateChange {
  readonly newest: (origin: string) => Kept | null;
  readonly keep: (kept: Kept) => void;
  readonly drop: (origin: string) => void;
  readonly note: (past: Past) => void;
}

/** So many of a kind are kept of a log; those before are let go, but not what an operator forgot. */
const MOST_REFUSED = 64;
/** How long another process is waited for, in milliseconds. */
const PATIENCE = 3000;
const EXTRA = 3;

const SCHEMA = `
  create table witness (key text not null) strict;
  create table logs (
    origin text primary key, size integer not null, root blob not null, note text not null, time integer not null
  ) strict;
  create table past (
    number integer primary key, origin text not null, what text not null, at integer not null, size integer not null,
    root blob not null, note text not null, reason text not null
  ) strict;
`;

/** @param key the verifier key of the witness: no other may go on from this state */
export function makeState(path: string, key: string): void {
  if (existsSync(path)) throw new WitnessRefused(`${path} is there already: nothing was changed`);
  // Its journals have the mode of the file.
  writeFileSync(path, '', { mode: 0o600, flag: 'wx' });
  const db = new Database(path);
  try {
    configure(db);
    const make = db.transaction(() => {
      db.exec(SCHEMA);
      db.prepare('insert into witness values (?)').run(key);
    });
    make.immediate();
  } finally {
    db.close();
  }
}

/** A commit is on the disk, the end of its journal's name included, before it returns: FULL alone leaves that out. */
function configure(db: Database.Database): void {
  db.pragma('journal_mode = DELETE');
  db.pragma('synchronous = EXTRA');
}

/**
 * Opens the state of a witness.
 * @throws WitnessRefused where there is none: a witness that lost what it saw would sign what it should refuse
 */
export function openState(path: string, key: string): WitnessState {
  const db = openFile(path);
  try {
    mustBeOurs(db, key);
  } catch (error) {
    db.close();
    throw error;
  }
  const newest = db.prepare<[string], Kept>(
    'select origin, size, root, note, time from logs where origin = ?',
  );
  const all = db.prepare<[], Kept>('select origin, size, root, note, time from logs order by origin');
  const past = db.prepare<[], Past>(
    'select origin, what, at, size, root, note, reason from past order by number',
  );
  const keep = db.prepare<[Kept]>(
    'insert into logs values (@origin, @size, @root, @note, @time) on conflict (origin) ' +
      'do update set size = excluded.size, root = excluded.root, note = excluded.note, time = excluded.time',
  );
  const drop = db.prepare<[string]>('delete from logs where origin = ?');
  const known = db.prepare<[Past], { readonly number: number }>(
    'select number from past where origin = @origin and what = @what and size = @size and root = @root',
  );
  const note = db.prepare<[Past]>(
    'insert into past (origin, what, at, size, root, note, reason) values (@origin, @what, @at, @size, @root, @note, @reason)',
  );
  const trim = db.prepare<[string, string, string, string, number]>(
    'delete from past where origin = ? and what = ? and number <= ' +
      '(select number from past where origin = ? and what = ? order by number desc limit 1 offset ?)',
  );
  const newestOf = (origin: string): Kept | null => newest.get(origin) ?? null;
  const change: StateChange = {
    newest: newestOf,
    keep: (kept) => void keep.run(kept),
    drop: (origin) => void drop.run(origin),
    note: (one) => {
      const { origin, what } = one;
      if (what === 'forgotten') return void note.run(one);
      if (known.get(one) !== undefined) return;
      note.run(one);
      trim.run(origin, what, origin, what, MOST_REFUSED);
    },
  };
  return {
    newest: newestOf,
    all: () => all.all(),
    past: () => past.all(),
    locked: (decide) => db.transaction(() => decide(change)).immediate(),
    close: () => void db.close(),
  };
}

/** Whether the disk gave back or took something else than it should: what is durable is known only to who opens the file anew. */
export const isDiskFault = (error: unknown): boolean =>
  error instanceof Database.SqliteError && /^SQLITE_(?:IOERR|CORRUPT|NOTADB)/.test(error.code);

function openFile(path: string): Database.Database {
  if (!existsSync(path))
    throw new WitnessRefused(
      `${path} is not there: a witness that lost what it saw is made anew, with another key (docs/witness.md)`,
    );
  try {
    return new Database(path, { fileMustExist: true, timeout: PATIENCE });
  } catch {
    throw new WitnessRefused(`${path} cannot be opened: may this user read and write it?`);
  }
}

function mustBeOurs(db: Database.Database, key: string): void {
  const refuse = (why: string): never => {
    throw new WitnessRefused(`the state of this witness ${why}`);
  };
  const [owner, fault] = ownerOf(db);
  if (fault) refuse('is damaged, or is no such file');
  if (owner !== key) refuse('is that of another key');
  configure(db);
  const kept = [db.pragma('journal_mode', { simple: true }), db.pragma('synchronous', { simple: true })];
  if (kept[0] !== 'delete' || kept[1] !== EXTRA) refuse('would lose what it acknowledged: SQLite says so');
}

/** Its key, and whether something is wrong with the file. */
function ownerOf(db: Database.Database): readonly [string | null, boolean] {
  try {
    const isSound = db.pragma('quick_check(1)', { simple: true }) === 'ok';
    const row = db.prepare<[], { readonly key: string }>('select key from witness').get();
    return [row?.key ?? null, !isSound];
  } catch (error) {
    if (error instanceof Database.SqliteError && !error.code.startsWith('SQLITE_BUSY')) return [null, true];
    throw error;
  }
}
