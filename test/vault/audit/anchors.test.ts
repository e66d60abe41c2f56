import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCheckpoint, signCheckpoint } from '../../../src/log/checkpoint.ts';
import { signNote } from '../../../src/log/note.ts';
import { tamper } from '../../attack/tamper.ts';
import { makeVaultDir } from '../../harness.ts';
import { anchoredVault, Place, rootOf } from './anchored-vault.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A new vault whose anchors were read back. */
async function ready(places: readonly Place[]) {
  const made = await anchoredVault(await makeVaultDir(), places);
  await made.vault.readBack();
  return made;
}

describe('an anchor', () => {
  it('gets what was signed and nothing else, and the log says that it is in use', async () => {
    const place = new Place();
    const made = await ready([place]);
    await made.ship();
    expect(place.notes).toEqual([]);
    await made.vault.follow();
    await made.ship();
    expect(place.size).toBe(1);
    const { checkpoint } = await made.host.audit.checkpoint();
    expect(place.notes).toEqual([checkpoint]);
    expect(made.events().map(({ action, detail }) => [action, detail])).toContainEqual([
      'anchor',
      { anchor: 'place' },
    ]);
    expect((await made.host.audit.verify()).ok).toBe(true);
  });

  it('that fails is asked again ever more seldom, and holds up neither the log nor another', async () => {
    const [bad, hung, good] = [new Place('bad'), new Place('hung'), new Place('good')];
    const made = await ready([bad, hung, good]);
    bad.state = 'fails';
    hung.state = 'hangs';
    const asked: number[] = [];
    for (let i = 0; i < 190; i++) {
      made.clock.offset += SECOND;
      await made.host.audit.key();
      await made.vault.follow();
      await made.ship();
      asked.push(bad.asked);
    }
    const head = made.events().length;
    expect(good.size).toBe(head);
    // Once before anything is served; then 1, 2, 4, 8, 16, 32 and 60 seconds apart.
    expect(asked.at(-1)).toBe(10);
    expect(made.notices.filter(({ kind }) => kind === 'anchor').length).toBeGreaterThan(3);
    bad.state = 'well';
    made.clock.offset += MINUTE;
    await made.ship();
    expect(bad.size).toBe(head);
  });

  it('of the whole log has every tile and entry of it, and each but once', async () => {
    const place = new Place('whole', 'log');
    const made = await ready([place]);
    for (const count of [3, 250, 3, 1, 600]) {
      for (let i = 0; i < count; i++) await made.host.audit.key();
      made.clock.offset += SECOND;
      await made.vault.follow();
      await made.ship();
    }
    expect(place.size).toBe(made.events().length);
    const { size, root } = parseCheckpoint(place.notes.at(-1) ?? '');
    expect(rootOf(place, size)).toEqual(root);
    const full = [...place.files].filter(([path]) => !path.includes('.p/'));
    expect(full.length).toBeGreaterThan(4);
    expect(full.map(([, { times }]) => times)).toEqual(full.map(() => 1));
  });
});

describe('a store that does not extend what an anchor keeps', () => {
  /** What serving is answered with; refused or not, nothing that contradicts the place is signed after it. */
  const answered = async (place: Place, dir: string): Promise<string> => {
    const made = await anchoredVault(dir, [place]);
    const before = await made.host.audit.checkpoint();
    const said = await made.vault.readBack().then(
      () => 'served',
      (error: unknown) => (error as Error).message,
    );
    await made.vault.follow();
    await made.ship();
    const after = await made.host.audit.checkpoint();
    expect(after.size > before.size).toBe(said === 'served');
    await made.close();
    return said;
  };

  it('is refused where it was put back to before the log got another key, and that is among what is said', async () => {
    const dir = await makeVaultDir();
    const place = new Place();
    const first = await anchoredVault(dir, [place]);
    await first.vault.readBack();
    await first.vault.follow();
    await first.ship();
    await first.close();
    const store = join(dir, 'data', 'vault.db');
    const backup = readFileSync(store);
    const made = await anchoredVault(dir, [place]);
    await made.vault.readBack();
    await made.host.audit.rotateKey();
    made.clock.offset += SECOND;
    await made.vault.follow();
    await made.ship();
    expect(place.notes).toHaveLength(2);
    await made.close();
    writeFileSync(store, backup);
    expect(await answered(place, dir)).toMatch(/the store was put back to before its log got another key/);
  });

  it('is refused: shorter, forked, of another log, of nobody; and served where it does', async () => {
    const dir = await makeVaultDir();
    const place = new Place();
    const made = await anchoredVault(dir, [place]);
    await made.vault.readBack();
    await made.host.audit.key();
    await made.vault.follow();
    await made.ship();
    const [note = ''] = place.notes;
    const signer = await made.signer();
    const other = signNote(note.slice(0, note.indexOf('\n\n') + 1).replace(/vlt_\w+/, 'vlt_other'), [signer]);
    await made.close();
    const { size, root, origin } = parseCheckpoint(note);
    const keep = (kept: string | null, of = size): void => {
      place.lie = { size: of, note: kept };
    };
    expect(await answered(place, dir)).toBe('served');
    keep(signCheckpoint({ origin, size: 500, root }, signer), 500);
    expect(await answered(place, dir)).toMatch(
      /keeps a checkpoint of 500 events, and the log of this store has \d+/,
    );
    keep(null, 500);
    expect(await answered(place, dir)).toMatch(/keeps a checkpoint of 500 events/);
    keep(signCheckpoint({ origin, size, root: root.map((byte) => byte ^ 1) }, signer));
    expect(await answered(place, dir)).toMatch(/does not continue/);
    keep(note.replace(/.{9}\n$/, 'AAAAAAAA\n'));
    expect(await answered(place, dir)).toMatch(/is no checkpoint that this vault signed/);
    keep(other);
    expect(await answered(place, dir)).toMatch(/is no checkpoint that this vault signed/);
    keep('<html>', 0);
    expect(await answered(place, dir)).toMatch(/is no checkpoint that this vault signed/);
    place.lie = { size: 0, note: null };
    expect(await answered(place, dir)).toMatch(/keeps less than it confirmed/);
    place.lie = null;
    place.state = 'fails';
    expect(await answered(place, dir)).toMatch(/cannot be read back: it fails/);
    place.state = 'well';
    expect(await answered(place, dir)).toBe('served');
  });

  it('is served where one that is not required does not answer; what it keeps counts as soon as it does', async () => {
    const dir = await makeVaultDir();
    const place = new Place();
    const made = await anchoredVault(dir, [{ anchor: place, required: false, every: SECOND }]);
    place.state = 'fails';
    await made.vault.readBack();
    expect(made.notices).toContainEqual({ kind: 'anchor', anchor: 'place', reason: 'it fails' });
    await made.vault.follow();
    const { checkpoint } = await made.host.audit.checkpoint();
    const { size, root, origin } = parseCheckpoint(checkpoint);
    const forked = signCheckpoint({ origin, size, root: root.map((byte) => byte ^ 1) }, await made.signer());
    place.state = 'well';
    place.lie = { size, note: forked };
    await made.ship();
    expect(place.notes).toEqual([]);
    await made.vault.maintain();
    expect(made.events().filter(({ action }) => action === 'integrity')).toMatchObject([
      { detail: { record: 'anchor/place', problem: 'the log does not continue what the anchor keeps' } },
    ]);
  });
});

describe('while the policy asks for anchors', () => {
  const POLICY = 'audit: { anchors: { maxAge: 10m } }\n';

  async function demanding(more = '', places = [new Place()]) {
    const dir = await makeVaultDir();
    const path = join(dir, 'strongroom.yaml');
    writeFileSync(path, readFileSync(path, 'utf8') + (more === '' ? POLICY : more));
    const made = await anchoredVault(dir, places);
    await made.vault.readBack();
    const grants = [
      'tokenise:cards',
      'detokenise:cards@settlement',
      'mask:cards@settlement',
      'verify:cards@settlement',
      'describe:cards',
      'erase:cards',
      'tokenise:notes-known',
      'lookup:notes-known',
    ];
    const { vault, key } = await made.add(grants);
    const [one] = (await vault.tokenise({ items: [{ collection: 'cards', value: '4111111111111111' }] }))
      .items;
    const token = one !== undefined && 'token' in one ? one.token : expect.fail('no token');
    const item = { collection: 'cards', token };
    const purpose = 'settlement';
    const calls = {
      detokenise: () => vault.detokenise({ purpose, items: [item] }),
      mask: () => vault.mask({ purpose, items: [item] }),
      verify: () => vault.verify({ purpose, items: [{ ...item, value: '4111111111111111' }] }),
      describe: () => vault.describe({ items: [item] }),
      lookup: () => vault.lookup({ items: [{ collection: 'notes-known', value: 'x' }] }),
    };
    /** What each call that shows something is answered with. */
    const shown = async (): Promise<string[]> =>
      Promise.all(
        Object.values(calls).map((call) =>
          call().then(
            () => 'shown',
            (error: unknown) => (error as { code: string }).code,
          ),
        ),
      );
    return { ...made, places, vault: made.vault, client: vault, item, calls, shown, key };
  }

  const ALL = Array.from({ length: 5 }, () => 'shown');
  const NONE = Array.from({ length: 5 }, () => 'audit_unavailable');

  it('nothing of a value is shown once an event is older than it says and at no anchor; all else goes on', async () => {
    const { clock, shown, vault, client, item, host, ship, places } = await demanding();
    expect(await shown()).toEqual(ALL);
    clock.offset += 9 * MINUTE;
    expect(await shown()).toEqual(ALL);
    clock.offset += 2 * MINUTE;
    expect(await shown()).toEqual(NONE);
    await client.tokenise({ items: [{ collection: 'cards', value: '4111111111111111' }] });
    await host.clients.list();
    await vault.follow();
    await ship();
    expect(places[0]?.size).toBeGreaterThan(0);
    clock.offset += 2 * SECOND;
    expect(await shown()).toEqual(ALL);
    clock.offset += 20 * MINUTE;
    expect((await client.erase({ reason: 'gone', items: [item] })).items[0]).toHaveProperty('erased');
  });

  it('a log that is anchored whole is never too old, however long nothing is written; nor is it after a start', async () => {
    const { clock, shown, vault, ship, dir, places, close, key } = await demanding();
    await vault.follow();
    await ship();
    clock.offset += SECOND;
    await vault.follow();
    await ship();
    clock.offset += 24 * 60 * MINUTE;
    expect(await shown()).toEqual(ALL);
    await close();
    const [place = new Place()] = places;
    const again = await anchoredVault(dir, [place], clock);
    await again.vault.readBack();
    const client = await again.as(key);
    const reveal = () => client.lookup({ items: [{ collection: 'notes-known', value: 'x' }] });
    // The events of the last calls are of a moment ago, and are not anchored yet.
    await reveal();
    clock.offset += 11 * MINUTE;
    await expect(reveal()).rejects.toMatchObject({ code: 'audit_unavailable' });
    await again.vault.follow();
    await again.ship();
    clock.offset += 2 * SECOND;
    await reveal();
  });

  it('so many anchors must cover it as it says', async () => {
    const places = [new Place('one'), new Place('two')];
    const two = 'audit: { anchors: { maxAge: 10m, atLeast: 2 } }\n';
    const { clock, shown, vault, ship } = await demanding(two, places);
    const [, second = new Place()] = places;
    second.state = 'fails';
    for (let minutes = 0; minutes < 11; minutes++) {
      await vault.follow();
      await ship();
      clock.offset += MINUTE;
    }
    expect(await shown()).toEqual(NONE);
    second.state = 'well';
    await ship();
    clock.offset += 2 * SECOND;
    expect(await shown()).toEqual(ALL);
  });

  it.each([
    [
      'a row of the followers that is put back',
      (path: string, row: unknown[]) => tamper(path, (db) => putBack(db, row)),
    ],
    [
      'one that is deleted',
      (path: string) =>
        tamper(path, (db) => void db.exec("delete from followers where name = 'anchor/place'")),
    ],
    ['an event that is made younger', (path: string) => tamper(path, younger)],
    [
      'one that was not filed yet',
      (path: string) =>
        tamper(path, (db) => {
          db.exec("delete from followers where name = 'checkpoints'");
          younger(db);
        }),
    ],
  ])('%s has it refuse sooner, and never later', async (_, attack) => {
    const { clock, vault, ship, host, close, dir, path, places, key } = await demanding();
    await vault.follow();
    await ship();
    const row = rowOf(path);
    clock.offset += 2 * MINUTE;
    await host.audit.key();
    await vault.follow();
    await ship();
    await host.audit.key();
    await vault.follow();
    await close();
    attack(path, row);
    clock.offset += 11 * MINUTE;
    const [place = new Place()] = places;
    const again = await anchoredVault(dir, [place], clock);
    const client = await again.as(key);
    const reveal = client.lookup({ items: [{ collection: 'notes-known', value: 'x' }] });
    await expect(reveal).rejects.toMatchObject({ code: 'audit_unavailable' });
  });
});

type Db = Parameters<Parameters<typeof tamper>[1]>[0];

function rowOf(path: string): unknown[] {
  let row: unknown[] = [];
  tamper(path, (db) => {
    row = db.prepare("select * from followers where name = 'anchor/place'").raw().get() as unknown[];
  });
  return row;
}

const putBack = (db: Db, row: unknown[]): void =>
  void db.prepare(`insert or replace into followers values (${row.map(() => '?').join()})`).run(...row);

/** Every event says that it is of tomorrow. */
function younger(db: Db): void {
  const tomorrow = new Date(Date.now() + 24 * 60 * MINUTE).toISOString();
  const change = db.prepare('update events set bytes = ? where "index" = ?');
  for (const [index, bytes] of db
    .prepare<[], [number, Buffer]>('select "index", bytes from events')
    .raw()
    .all())
    change.run(Buffer.from(bytes.toString().replace(/"at":"[^"]+"/, `"at":"${tomorrow}"`)), index);
}
