import { expect, it } from 'vitest';
import { connect, only, Refused, Unreachable, VaultError } from '../../src/client/client.ts';
import { waitAfter } from '../../src/client/retry.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { eventsOf } from '../attack/tamper.ts';
import { listening } from '../http/listening.ts';
import { type Fault, lossy } from '../lossy.ts';

/** Answers that are lost on their way from a real vault, and what the client makes of that. */

const PAN = '4111111111111111';
const GRANTS = [
  'tokenise:cards',
  'replace:cards',
  'erase:cards',
  'detokenise:cards@settlement',
  'mask:cards@settlement',
];
const request = { items: [{ collection: 'cards', value: PAN }] };
const FAULTS: readonly Fault[] = ['lost', 'cut', 'gateway', { busy: 0 }];

async function reached(retries: number) {
  const served = await listening();
  const { key } = await served.open.add(GRANTS);
  const way = await lossy(served.url);
  const vault = connect({ url: way.url, apiKey: key, retries, timeout: 60_000 });
  return { vault, way, served, key };
}

const tokenOf = async (asked: ReturnType<BoundVault['tokenise']>): Promise<string> => only(await asked).token;

/** Tokens that the vault ever issued: the rows of its tokenise events. */
const issued = (storePath: string): number =>
  eventsOf(storePath)
    .filter(({ action }) => action === 'tokenise')
    .reduce((sum, { rows }) => sum + ((rows as { count?: number } | undefined)?.count ?? 0), 0);

it('asks again under the same key when the answer is lost: one token, whatever was lost', async () => {
  const { vault, way, served } = await reached(FAULTS.length);
  way.faults.push(...FAULTS);
  const token = await tokenOf(vault.tokenise(request, 'one'));
  expect(way.asked).toHaveLength(FAULTS.length + 1);
  expect(new Set(way.asked.map(({ idempotencyKey }) => idempotencyKey))).toEqual(new Set(['one']));
  expect(await tokenOf(vault.tokenise(request, 'one'))).toBe(token);
  expect(issued(served.open.storePath)).toBe(1);
});

it('never repeats a change that has no key, and repeats reads', async () => {
  const { vault, way } = await reached(3);
  const token = await tokenOf(vault.tokenise(request));
  const item = { collection: 'cards', token };
  const changes = [
    () => vault.tokenise(request),
    () => vault.replace({ items: [{ ...item, value: '5555555555554444' }] }),
    () => vault.erase({ reason: 'asked', items: [item] }),
  ];
  for (const change of changes) {
    way.asked.length = 0;
    way.faults.push({ busy: 0 });
    await expect(change()).rejects.toMatchObject({ code: 'unavailable' });
    expect(way.asked).toHaveLength(1);
  }
  way.asked.length = 0;
  way.faults.push('lost', 'cut', 'gateway');
  const { items } = await vault.detokenise({ purpose: 'settlement', items: [item] });
  expect(items).toEqual([{ value: PAN }]);
  expect(way.asked).toHaveLength(4);
});

it('tells what no answer is from what an answer is', async () => {
  const { vault, way, key } = await reached(0);
  const reasons: string[] = [];
  for (const fault of ['lost', 'cut', 'gateway'] as const) {
    way.faults.push(fault);
    const raised: unknown = await vault.tokenise(request, 'k').catch((error: unknown) => error);
    if (!(raised instanceof Unreachable)) return expect.fail(`${fault} was not told`);
    expect(raised.code).toBe('unavailable');
    reasons.push(raised.reason);
  }
  expect(reasons[2]).toBe('HTTP 502');
  for (const reason of reasons) expect(reason).toMatch(/^[\w ]+$/);

  way.faults.push({ busy: 7 });
  const busy: unknown = await vault.whoami().catch((error: unknown) => error);
  expect(busy).toBeInstanceOf(Refused);
  expect(busy).toMatchObject({ code: 'unavailable', retryAfter: 7, requestId: 'req_busybusybusybusy' });

  // A shape that is wrong is told with its place, and is not asked again.
  const patient = connect({ url: way.url, apiKey: key, retries: 3 });
  way.asked.length = 0;
  await expect(patient.mask({ purpose: 'settlement', items: [] })).rejects.toMatchObject({
    code: 'invalid_request',
    errors: [{ pointer: '/items', code: 'too_small' }],
    requestId: expect.stringMatching(/^req_/),
    retryAfter: null,
  });
  expect(way.asked).toHaveLength(1);
});

it('gives up after as many times as it was told, and when it is asked to stay away for long', async () => {
  const { vault, way } = await reached(2);
  way.faults.push('gateway', 'gateway', 'gateway');
  await expect(vault.whoami()).rejects.toMatchObject({ reason: 'HTTP 502' });
  expect(way.asked).toHaveLength(3);
  way.faults.push({ busy: 31 });
  await expect(vault.whoami()).rejects.toMatchObject({ retryAfter: 31 });
  expect(way.asked).toHaveLength(4);
});

it('waits as long as the vault asks, and longer each time', () => {
  const refused = (code: 'unavailable' | 'audit_unavailable' | 'integrity', retryAfter: number | null) =>
    new Refused({ code, requestId: 'req' }, retryAfter);
  const waits = [0, 1, 2, 3, 20].map((tried) => waitAfter(new Unreachable('ECONNRESET'), tried));
  expect(waits).toEqual([200, 400, 800, 1600, 10_000]);
  expect(waitAfter(refused('unavailable', 1), 0)).toBe(1000);
  expect(waitAfter(refused('audit_unavailable', null), 0)).toBe(200);
  expect(waitAfter(refused('unavailable', 31), 0)).toBeNull();
  // A vault that has closed does not open by being asked.
  expect(waitAfter(refused('integrity', 1), 0)).toBeNull();
  expect(waitAfter(new Error('other'), 0)).toBeNull();
});

it('takes the item of a batch of one, or raises its error with the request that it was in', async () => {
  const { vault } = await reached(0);
  const { token } = only(await vault.tokenise(request));
  const failed = await vault.mask({ purpose: 'support', items: [{ collection: 'cards', token }] });
  expect(() => only(failed)).toThrow(Refused);
  expect(() => only(failed)).toThrow(
    expect.objectContaining({
      code: 'purpose_not_allowed',
      needed: { action: 'mask', collection: 'cards', purpose: 'support' },
      requestId: failed.requestId,
    }),
  );
  const two = await vault.tokenise({ items: [...request.items, ...request.items] });
  expect(() => only(two)).toThrow(VaultError);
});
