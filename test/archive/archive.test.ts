import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { newVault, tempDir, type TestVault } from '../harness.ts';
import { logOf } from '../attack/tamper.ts';
import { archive, filesBelow, grow, grown, readSlowly } from './archived.ts';

vi.setConfig({ testTimeout: 600_000 });

const keyOf = async ({ host }: TestVault): Promise<string> => (await host.audit.key()).key;

it('holds the whole log up to a checkpoint, which a tool not written here reads, and its event', async () => {
  const open = await grown();
  const to = join(tempDir(), 'log');
  const steps: string[] = [];
  const report = await archive(open, to, (step) => steps.push(step));
  const { events, size } = readSlowly(to, await keyOf(open));
  expect(report).toMatchObject({ folder: to, size, kept: 0 });
  expect(size).toBeGreaterThan(600);
  const log = await logOf(open);
  expect(events.map((bytes) => JSON.parse(String(bytes)))).toEqual(log.slice(0, size));
  expect(log.filter(({ action }) => action === 'audit.archive')).toMatchObject([
    { outcome: 'done', actor: { kind: 'host' }, detail: { size, root: report.root } },
  ]);
  expect(
    [...filesBelow(to).keys()].filter((name) => !name.startsWith('tile/0/') && !name.startsWith('tile/e')),
  ).toEqual(['checkpoint', 'tile/1/000.p/2']);
  expect(statSync(to).mode & 0o777).toBe(0o700);
  expect(statSync(join(to, 'checkpoint')).mode & 0o777).toBe(0o600);
  expect([...new Set(steps)]).toEqual(['Copying the log', 'Reading the archive back']);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it('is added to by a later run, and whatever stands in it stays as it is', async () => {
  const open = await grown();
  const to = join(tempDir(), 'log');
  await archive(open, to);
  const before = filesBelow(to);
  await grow(open, 300);
  const { size, added, kept } = await archive(open, to);
  expect(readSlowly(to, await keyOf(open)).size).toBe(size);
  expect(kept).toBeGreaterThan(0);
  const after = filesBelow(to);
  expect(after.size).toBe(before.size + added);
  for (const [name, bytes] of before)
    if (name !== 'checkpoint') expect(after.get(name)?.equals(bytes)).toBe(true);
});

it('goes on where it was stopped, at any file, and has no checkpoint before all of it is there', async () => {
  const open = await grown();
  const to = join(tempDir(), 'log');
  let last = 0;
  for (let stop = 1; ; stop++) {
    let told = 0;
    const run = archive(open, to, () => {
      if (++told === stop) throw new RangeError('stopped');
    });
    const ended = await run.then(
      () => true,
      (error: unknown) => (error instanceof RangeError ? false : expect.fail(String(error))),
    );
    const files = filesBelow(to);
    expect(files.has('checkpoint')).toBe(ended);
    expect(files.size).toBeGreaterThanOrEqual(last);
    last = files.size;
    // What a process that was killed left half written is taken away by the next.
    writeFileSync(join(to, '.strongroom-part-0123456789abcdef'), 'half of a tile');
    if (ended) break;
  }
  await archive(open, to);
  expect([...filesBelow(to).keys()].filter((name) => name.includes('part'))).toEqual([]);
  readSlowly(to, await keyOf(open));
});

it.each([
  ['an event in a bundle', 'tile/entries/001', (bytes: Buffer) => bytes.fill(0x20, 40, 41)],
  ['a bundle that was cut off', 'tile/entries/001', (bytes: Buffer) => bytes.subarray(0, 900)],
  [
    'a hash of a tile',
    'tile/0/000',
    (bytes: Buffer) => Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]),
  ],
])('%s that was changed in the archive is found, and its checkpoint stays', async (_, name, change) => {
  const open = await grown();
  const to = join(tempDir(), 'log');
  await archive(open, to);
  const checkpoint = readFileSync(join(to, 'checkpoint'));
  const before = readFileSync(join(to, name));
  const changed = change(Buffer.from(before));
  expect(changed.equals(before)).toBe(false);
  writeFileSync(join(to, name), changed);
  await grow(open, 5);
  await expect(archive(open, to)).rejects.toMatchObject({
    name: 'ArchiveRefused',
    message: expect.stringContaining(' of the archive '),
  });
  expect(readFileSync(join(to, 'checkpoint')).equals(checkpoint)).toBe(true);
  expect(readFileSync(join(to, name)).equals(changed)).toBe(true);
});

it.each([
  [
    'an event',
    'tile/entries/001',
    `update events set bytes = (select bytes from events where "index" = 299) where "index" = 300`,
  ],
  ['an event that is gone', 'tile/entries/001', 'delete from events where "index" = 300'],
  [
    'a hash of a tile',
    'tile/0/001',
    'update tiles set hashes = (select hashes from tiles where "index" = 0) where "index" = 1',
  ],
  ['a tile that is gone', 'tile/0/001', 'delete from tiles where "index" = 1'],
])('%s that was changed in the store is not archived', async (_, name, sql) => {
  const open = await grown();
  await open.vault.follow();
  await open.writer.sql(sql);
  const to = join(tempDir(), 'log');
  await expect(archive(open, to)).rejects.toMatchObject({ code: 'integrity' });
  const names = [...filesBelow(to).keys()];
  expect(names).toContain('tile/entries/000');
  expect(names).not.toContain(name);
  expect(names).not.toContain('checkpoint');
});

it('is refused where the archive is of another vault, or has no folder to stand in', async () => {
  const [one, two] = [await newVault(), await newVault()];
  const dir = tempDir();
  const to = join(dir, 'log');
  await archive(one, to);
  await expect(archive(two, to)).rejects.toMatchObject({ message: 'the archive there is of another vault' });
  await expect(archive(one, join(dir, 'no', 'log'))).rejects.toMatchObject({ name: 'CommandRefused' });
  mkdirSync(join(dir, 'other'));
  writeFileSync(join(dir, 'other', 'checkpoint'), 'some note of somebody');
  await expect(archive(one, join(dir, 'other'))).rejects.toMatchObject({ name: 'ArchiveRefused' });
});
