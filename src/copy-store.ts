import { basename } from 'node:path';
import type { CopyReport } from './cli/host.ts';
import { CommandRefused } from './cli/refusal.ts';
import type { Settings } from './config/settings.ts';
import type { StoreSettings } from './config/store.ts';
import { copyRows, countRows, otherTables, reachedBy, sumOf } from './copy-rows.ts';
import { holdsValue } from './formats/clear-text.ts';
import { fileMasterKey } from './masterkey/file.ts';
import { open, type Opening, openStore } from './open.ts';
import { createSqlite } from './store/sqlite.ts';
import type { Caller } from './vault/call.ts';
import type { HeadSeal } from './vault/commit/head.ts';
import { type Inspection, inspectStore } from './vault/inspection.ts';
import type { MasterKey } from './vault/master-key.ts';
import { openRowsKey } from './vault/open.ts';
import type { RawRow } from './vault/rows.ts';
import type { Store, StoreSnapshot } from './vault/store.ts';
import { begin, handOver, load, settleIn, type Stage, stageOf } from './vault/transfer.ts';

/** What moving a vault needs of the host. */
export interface Copying {
  /** The vault with the store that it has. */
  readonly opening: Opening;
  /** Its settings with the store that it is to have. */
  readonly to: Settings;
  readonly caller: Caller;
  /** Told what is done and how much of it, from 0 to 1; it throws when the process is told to stop. */
  readonly progress: (step: string, done: number) => void;
}

/** Both stores, open. */
interface Move extends Copying {
  readonly source: Store;
  readonly target: Store;
  readonly masterKey: MasterKey;
  /** The same for both stores. */
  readonly seal: HeadSeal;
  /** Engine and name of the new one. */
  readonly place: string;
}

/**
 * Moves a vault whole to another store, as docs/adr/0008-store-copy.md has it. Ended anywhere, it goes on when it is run again.
 * @throws CommandRefused, CannotOpen, StoreFailure
 */
export async function copyStore(copying: Copying): Promise<CopyReport> {
  const { opening, to } = copying;
  const { settings, world } = opening;
  const [own, masterKey] = masterKeysOf(opening, to);
  const source = await openStore(settings.store, world);
  try {
    const { seal } = await openRowsKey(source, own, settings.vault.environment);
    // Nothing is closed for a copy that its own settings could not open.
    await openRowsKey(source, masterKey, settings.vault.environment);
    if (to.store.engine === 'sqlite') createSqlite(to.store.path);
    const target = await openStore(to.store, world);
    try {
      return await move({ ...copying, source, target, masterKey, seal, place: placeOf(to.store) });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Opens a store again that was closed for a copy which has not come about. */
export async function reopenStore({ opening, caller }: Pick<Copying, 'opening' | 'caller'>): Promise<void> {
  const vault = await open(opening, 'leaving');
  try {
    await vault.reopen(caller);
  } finally {
    await vault.close();
  }
}

/** What the settings differ in is the store: under another name or environment it would be another vault. */
function masterKeysOf({ settings, groups, world }: Opening, to: Settings): readonly [MasterKey, MasterKey] {
  const { name, environment } = settings.vault;
  if (to.vault.name !== name || to.vault.environment !== environment)
    throw new CommandRefused('both settings must have the same vault.name and vault.environment');
  const read = ({ masterKey }: Settings): MasterKey =>
    fileMasterKey(masterKey.path, { groups }, world.random);
  return [read(settings), read(to)];
}

/** What the log and our sentences may say of a store: its engine, and its name where that is plain. */
function placeOf(store: StoreSettings): string {
  const name = store.engine === 'sqlite' ? basename(store.path) : store.database;
  const isPlain = /^[A-Za-z0-9._-]{1,63}$/.test(name) && !holdsValue(name);
  return isPlain ? `${store.engine}:${name}` : store.engine;
}

async function move(by: Move): Promise<CopyReport> {
  const { opening, source, target, seal, place, progress } = by;
  const { now } = opening.world;
  const told = { from: placeOf(opening.settings.store), to: place };
  const stage = await stageNow(by);
  if (stage.next === 'nothing') return { ...told, copy: stage.copy, moved: true, trial: null, findings: [] };
  if (stage.next === 'close') await close(by);
  const copy = 'copy' in stage ? stage.copy : await begun(by);
  const { tables, others } = await copied(by, copy);
  const inspection = await tried(by);
  const findings = [...others, ...inspection.findings];
  const report = { ...told, copy, trial: { tables, inspection }, findings };
  if (findings.length > 0) return { ...report, moved: false };
  progress('Handing over', 0);
  await handOver({ store: source, seal, now }, place, copy);
  progress('Opening the new store', 0);
  await settleIn({ store: target, seal, now }, copy);
  return { ...report, moved: true };
}

async function stageNow({ source, target, seal, place }: Move): Promise<Exclude<Stage, { refused: string }>> {
  const [{ head }, { head: other }] = [await source.authority(), await target.authority()];
  if (head === null || !seal.verify(head)) throw new CommandRefused(CHANGED);
  if (other === null) await mustBeEmpty(target);
  else if (!seal.verify(other))
    throw new CommandRefused('the new store holds another vault: name an empty one');
  const stage = stageOf(head, other, place);
  if ('refused' in stage) throw new CommandRefused(stage.refused);
  return stage;
}

const CHANGED = 'the head of the store is not as the vault wrote it: restore a backup';

async function mustBeEmpty(target: Store): Promise<void> {
  const counts = await within(target, countRows);
  const [full] = [...counts].filter(([, rows]) => rows > 0);
  if (full !== undefined)
    throw new CommandRefused(`the new store has rows of no vault (${full[0]}): name an empty one`);
}

async function close({ opening, caller, place, progress }: Move): Promise<void> {
  progress('Closing the store: whoever serves it refuses from here on', 0);
  const vault = await open(opening);
  try {
    await vault.leave(caller, place);
  } finally {
    await vault.close();
  }
}

async function begun({ opening, source, target, seal, progress }: Move): Promise<string> {
  progress('Beginning the copy', 0);
  const { head, keys } = await source.authority();
  if (head === null || !seal.verify(head)) throw new CommandRefused(CHANGED);
  const copy = await begin(target, head, keys, { seal, random: opening.world.random });
  if (copy === null) throw new CommandRefused('another process has begun the copy: run the command again');
  return copy;
}

interface Copied {
  readonly tables: Readonly<Record<string, number>>;
  /** What is not the same in both stores. */
  readonly others: CopyReport['findings'];
}

async function copied({ source, target, seal, progress }: Move, copy: string): Promise<Copied> {
  const there = await within(target, reachedBy);
  return within(source, async (old) => {
    const tables = await countRows(old);
    const all = sumOf(tables) + 1;
    const take = (table: string, rows: readonly RawRow[]) => load(target, seal, copy, { table, rows });
    await copyRows(old, there, take, (rows) => progress('Copying the store', rows / all));
    const others = await within(target, (made) =>
      otherTables(old, made, (rows) => progress('Comparing both stores', rows / all)),
    );
    const problem = 'its rows are not those of the old store';
    const findings = others.map((table) => ({ index: null, table, problem }));
    return { tables: Object.fromEntries(tables), others: findings };
  });
}

/** As a backup is tried: every key and cell is opened, the log recomputed, and every row held against it. */
function tried({ opening, to, target, masterKey, progress }: Move): Promise<Inspection> {
  const step = 'Trying every key, cell and event';
  progress(step, 0);
  const breathe = async (): Promise<void> => {
    progress(step, 0);
    await opening.world.breathe();
  };
  return inspectStore(target, masterKey, to.vault.environment, { breathe });
}

/** Reads a store as of one moment. */
async function within<T>(store: Store, read: (snapshot: StoreSnapshot) => Promise<T>): Promise<T> {
  const snapshot = await store.snapshot();
  try {
    return await read(snapshot);
  } finally {
    await snapshot.close();
  }
}
