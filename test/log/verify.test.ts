import { describe, expect, it } from 'vitest';
import { append, EMPTY, leafHash, withoutLast } from '../../src/log/tree.ts';
import { verifyLog } from '../../src/log/verify.ts';
import type { LogEntry } from '../../src/log/verify.ts';
import { leafSlowly, rootSlowly } from './slow-tree.ts';

const entries: readonly LogEntry[] = Array.from({ length: 600 }, (_, index) => ({
  index,
  bytes: Buffer.from(`{"v":1,"index":${index}}`),
}));

function stateOf(log: readonly LogEntry[]) {
  return { size: log.length, root: rootSlowly(log.map(({ bytes }) => leafSlowly(bytes))) };
}

const expected = stateOf(entries);

async function* inTurn(log: readonly LogEntry[]) {
  for (const entry of log) {
    await Promise.resolve();
    yield entry;
  }
}

describe('verifyLog', () => {
  it.each([0, 1, 2, 255, 256, 257, 512, 600])('finds a log of %i entries intact', async (size) => {
    const log = entries.slice(0, size);
    const intact = { verdict: 'intact', size, root: Buffer.from(stateOf(log).root) };
    expect(await verifyLog(log, stateOf(log))).toEqual(intact);
    expect(await verifyLog(inTurn(log), stateOf(log))).toEqual(intact);
  });

  it.each([0, 1, 255, 256, 300, 599])(
    'names entry %i when it is missing, twice there or not an event',
    async (at) => {
      const twice = entries.slice(at, at + 1);
      expect(await verifyLog(entries.toSpliced(at, 1), expected)).toEqual({ verdict: 'gap', index: at });
      expect(await verifyLog(entries.toSpliced(at, 0, ...twice), expected)).toEqual({
        verdict: 'order',
        index: at,
      });
      for (const text of ['', '{"v":', '{"v":2}', ' {"v":1}']) {
        const spoilt = entries.with(at, { index: at, bytes: Buffer.from(text) });
        expect(await verifyLog(spoilt, expected)).toEqual({ verdict: 'malformed', index: at });
      }
    },
  );

  it('names where the tail was cut, and where one was added', async () => {
    expect(await verifyLog(entries.slice(0, 450), expected)).toEqual({ verdict: 'gap', index: 450 });
    expect(await verifyLog([], expected)).toEqual({ verdict: 'gap', index: 0 });
    const added = [...entries, { index: 600, bytes: Buffer.from('{"v":1}') }];
    expect(await verifyLog(added, expected)).toEqual({ verdict: 'surplus', index: 600 });
  });

  it.each([0, 255, 256, 599])('finds one changed bit in entry %i by the root', async (at) => {
    const bytes = Buffer.from(`{"v":1,"index":${at}}`);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    const changed = entries.with(at, { index: at, bytes });
    expect(await verifyLog(changed, expected)).toEqual({
      verdict: 'root',
      index: null,
      root: Buffer.from(stateOf(changed).root),
    });
  });

  it('finds two entries that traded places', async () => {
    const [a, b] = [entries[3]?.bytes, entries[4]?.bytes];
    if (a === undefined || b === undefined) throw new Error('the log is too short');
    const swapped = entries.with(3, { index: 3, bytes: b }).with(4, { index: 4, bytes: a });
    expect((await verifyLog(swapped, expected)).verdict).toBe('root');
  });

  it('passes on the errors of its source', async () => {
    async function* broken(): AsyncGenerator<LogEntry> {
      yield* entries.slice(0, 3);
      throw new Error('the disk is gone');
    }
    await expect(verifyLog(broken(), expected)).rejects.toThrow('the disk is gone');
  });

  it('takes what comes before on trust, and holds the rest against the whole', async () => {
    const leaves = entries.map(({ bytes }) => leafHash(bytes));
    const start = withoutLast(append(EMPTY, leaves), 100);
    expect(start.size).toBe(512);
    const rest = entries.slice(start.size);
    expect(await verifyLog(rest, expected, start)).toMatchObject({ verdict: 'intact', size: 600 });
    expect(await verifyLog(entries, expected, start)).toEqual({ verdict: 'order', index: 0 });
    expect(await verifyLog(rest.slice(1), expected, start)).toEqual({ verdict: 'gap', index: 512 });
    expect(await verifyLog(rest.slice(0, -1), expected, start)).toEqual({ verdict: 'gap', index: 599 });
    const edited = rest.with(3, { index: 515, bytes: Buffer.from('{"v":1,"other":1}') });
    expect(await verifyLog(edited, expected, start)).toMatchObject({ verdict: 'root' });
  });
});
