import { expect, it } from 'vitest';
import { openCheckpoint } from '../../src/log/checkpoint.ts';
import { decodeEntries } from '../../src/log/entries.ts';
import { prover } from '../../src/log/prove.ts';
import { type LogResource, resourcePath } from '../../src/log/tile-path.ts';
import { leafHash } from '../../src/log/tree.ts';
import { parseVerifier } from '../../src/log/verifier.ts';
import { eventsOf } from '../attack/tamper.ts';
import { listening } from './listening.ts';

const PREFIX = '/v1/audit/log/';

async function auditing() {
  const served = await listening();
  const { open } = served;
  await Promise.all(Array.from({ length: 300 }, () => open.host.audit.key()));
  await open.vault.follow();
  const auditor = await open.add(['audit:*'], { kind: 'auditor' });
  const service = await open.add(['tokenise:cards']);
  const get = async (path: string, key: string | null = auditor.key) =>
    fetch(new URL(PREFIX + path, served.url), {
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
    });
  const bytes = async (resource: LogResource) =>
    new Uint8Array(await (await get(resourcePath(resource))).arrayBuffer());
  return { open, service, get, bytes };
}

it('a tool that knows C2SP tlog-tiles alone reads the log, and finds its root and every entry', async () => {
  const { open, get, bytes } = await auditing();
  const verifier = parseVerifier((await open.host.audit.key()).key);
  const answer = await get('checkpoint');
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const { size, root } = openCheckpoint(new Uint8Array(await answer.arrayBuffer()), verifier);
  const tree = prover(size, (level, index, width) => bytes({ kind: 'tile', level, index, width }));
  expect(Buffer.compare(await tree.root(), root)).toBe(0);
  const stored = eventsOf(open.storePath);
  for (const [index, width] of [
    [0, 256],
    [1, size - 256],
    [1, 3],
  ] as const) {
    const entries = decodeEntries(await bytes({ kind: 'entries', index, width })) ?? [];
    expect(entries).toHaveLength(width);
    const hashes = await bytes({ kind: 'tile', level: 0, index, width });
    for (const [i, entry] of entries.entries()) {
      expect(JSON.parse(Buffer.from(entry).toString())).toEqual(stored[index * 256 + i]);
      expect(Buffer.compare(leafHash(entry), hashes.subarray(i * 32, i * 32 + 32))).toBe(0);
    }
  }
});

it('hash tiles leave no event and may be kept; a bundle of entries is an event first', async () => {
  const { open, get } = await auditing();
  const before = eventsOf(open.storePath).length;
  const tile = await get('tile/0/000');
  expect(tile.headers.get('content-type')).toBe('application/octet-stream');
  expect(tile.headers.get('cache-control')).toBe('private, max-age=604800, immutable');
  expect((await get('tile/1/000.p/1')).status).toBe(200);
  expect(eventsOf(open.storePath)).toHaveLength(before);
  expect((await get('tile/entries/000')).headers.get('cache-control')).toBe('no-store');
  expect(eventsOf(open.storePath).at(-1)).toMatchObject({
    action: 'audit.entries',
    outcome: 'done',
    detail: { first: 0, count: 256 },
  });
});

it.each(['checkpoint', 'tile/0/000', 'tile/entries/000'])('%s is for auditors alone', async (path) => {
  const { service, get } = await auditing();
  expect((await get(path, null)).status).toBe(401);
  const denied = await get(path, service.key);
  expect(denied.status).toBe(403);
  expect(await denied.json()).toMatchObject({ code: 'insufficient_grant', needed: { action: 'audit' } });
});

it.each([
  'tile/0/001',
  'tile/0/1',
  'tile/1/000',
  'tile/0/000.p/256',
  'tile/entries/009',
  'x',
  'tile/9/000',
  '',
])('%s is not there', async (path) => {
  const { get } = await auditing();
  const answer = await get(path);
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ code: 'not_found' });
});
