import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { coded, tableOf, textOf } from '../docs/documents.ts';
import { send, tokenOf } from '../http/listening.ts';
import { CARD, type Event, EVERY_VERB, recorded, workWith } from './recorded.ts';

/** PCI DSS 4.0.1, 10.2.2: what each event says. One test a detail, of every event of one log; docs/pci-dss.md names them. */

interface Told {
  readonly log: readonly Event[];
  /** Milliseconds before the vault was made, and after it was stopped. */
  readonly between: readonly [number, number];
  readonly clients: readonly string[];
  /** Ids of requests that were answered, as `X-Request-Id` told them. */
  readonly requests: readonly string[];
  /** The row id that the store has for a live token, and the id of its only subject. */
  readonly row: string;
  readonly subject: string;
  /** The request that made that token, and the one that showed it. */
  readonly shown: string;
}

let told: Promise<Told> | null = null;
/** Made by the first test that asks; the others read what is left of it. */
const theLog = (): Promise<Told> => (told ??= tell());

async function tell(): Promise<Told> {
  const began = Date.now();
  const vault = await recorded();
  const anna = await vault.add('anna', ...EVERY_VERB);
  const rose = await vault.add('rose', '--kind', 'custodian', '--grant', 'clients:*');
  const { requests } = await workWith(anna, { traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` });
  const item = { collection: 'customer-pan', value: CARD, subject: 'cus_77' };
  const token = tokenOf(await anna.post('/v1/tokenise', { items: [item] }));
  const asked = { purpose: 'settlement', items: [{ collection: 'customer-pan', token }] };
  const shown = String((await anna.post('/v1/detokenise', asked)).headers['x-request-id']);
  // Denied for the purpose, denied for the duty, denied for having no name.
  expect((await anna.post('/v1/detokenise', { ...asked, purpose: 'support' })).status).toBe(403);
  expect((await rose.post('/v1/policy/show', {})).status).toBe(403);
  expect((await rose.post('/v1/clients/revoke', { client: anna.id })).status).toBe(200);
  const { url } = await vault.served();
  expect((await send(`${url}/v1/whoami`)).status).toBe(401);
  const keyed = { headers: { authorization: `Bearer ${anna.key}` } };
  expect((await send(`${url}/v1/whoami`, keyed)).status).toBe(401);
  expect((await vault.stop()).code).toBe(0);
  expect((await vault.run('audit', 'verify')).code).toBe(0);
  const db = new Database(vault.made.at('data/strongroom.db'), { readonly: true });
  const stored = db
    .prepare<[string], { row: Buffer; subject: string }>(
      'select "row", subject from "values" where token = ?',
    )
    .get(token);
  db.close();
  return {
    log: vault.log(),
    between: [began, Date.now()],
    clients: [anna.id, rose.id],
    requests,
    row: stored?.row.toString('hex') ?? '',
    subject: stored?.subject ?? '',
    shown,
  };
}

it('10.2.2 user identification', async () => {
  const { log, clients } = await theLog();
  expect(log.length).toBeGreaterThan(15);
  for (const { actor, action } of log) {
    const form = { host: /^host:./, system: /^system:[a-z]+$/ }[actor.kind] ?? /^cli_\w{10,}$/;
    expect(actor.id, action).toMatch(form);
    if (actor.kind === 'service' || actor.kind === 'custodian') expect(clients).toContain(actor.id);
  }
  expect(new Set(log.map(({ actor }) => actor.kind))).toEqual(
    new Set(['host', 'service', 'custodian', 'system']),
  );
});

it('10.2.2 type of event', async () => {
  const { log } = await theLog();
  const page = tableOf(textOf('docs/audit-events.md'), 'action').map(([action = '']) => coded(action));
  const known = page.flat();
  for (const { action } of log)
    expect(
      known.some((one) => one === action || one === action.replace(/\..*/, '.*')),
      action,
    ).toBe(true);
});

it('10.2.2 date and time', async () => {
  const { log, between } = await theLog();
  const times = log.map(({ at }) => {
    // RFC 3339, UTC, to the millisecond.
    expect(at).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
    return Date.parse(at);
  });
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times[0]).toBeGreaterThanOrEqual(between[0]);
  expect(times.at(-1)).toBeLessThanOrEqual(between[1]);
});

it('10.2.2 success and failure indication', async () => {
  const { log } = await theLog();
  for (const { outcome } of log) expect(['done', 'denied', 'failed']).toContain(outcome);
  const denied = log.filter(({ outcome }) => outcome === 'denied');
  expect(denied.map(({ action }) => action).toSorted()).toEqual([
    'detokenise',
    'key_refused',
    'policy.show',
    'refusals',
  ]);
  for (const { action, reason } of denied)
    if (action !== 'refusals') expect(reason, action).toEqual(expect.stringMatching(/./));
});

it('10.2.2 origination of event', async () => {
  const { log, requests } = await theLog();
  for (const { via, from, request, actor } of log) {
    expect(via).toBe({ host: 'cli', system: 'system' }[actor.kind] ?? 'http');
    expect(from).toBe(via === 'http' ? '127.0.0.1' : undefined);
    expect(request).toMatch(/^\S{16,}$/);
  }
  // Each answer's id leads to its event, and the caller's own trace too.
  expect(requests).toHaveLength(8);
  for (const id of requests)
    expect(log.filter(({ request }) => request === id)).toMatchObject([{ trace: 'ab'.repeat(16) }]);
});

it('10.2.2 identity or name of affected data, system component, resource, or service', async () => {
  const { log, row, subject, shown, clients } = await theLog();
  const [reveal] = log.filter(({ request }) => request === shown);
  expect(row).toMatch(/^[0-9a-f]{32}$/);
  expect(reveal).toMatchObject({
    action: 'detokenise',
    collection: { name: 'customer-pan' },
    purpose: 'settlement',
    row,
    subject,
  });
  const onValues = new Set(['detokenise', 'mask', 'verify', 'describe', 'replace', 'erase']);
  for (const { action, outcome, row: named, collection } of log) {
    if (onValues.has(action) || action === 'tokenise' || action === 'lookup')
      expect(collection, action).toMatchObject({
        id: expect.any(String) as unknown,
        name: expect.any(String) as unknown,
      });
    if (onValues.has(action) && outcome === 'done') expect(named, action).toMatch(/^[0-9a-f]{32}$/);
  }
  // What was made at once is named by what its row ids share, and bound by a hash over them.
  const [made] = log.filter(
    ({ action, rows }) => action === 'tokenise' && rows !== undefined && row.startsWith(stemOf(rows)),
  );
  expect(made).toMatchObject({ rows: { count: 1, hash: expect.stringMatching(/^[\w-]{43}$/) as unknown } });
  const changed = log.filter(({ action }) => action.startsWith('clients.'));
  expect(changed.map(({ detail }) => (detail as { client: string }).client)).toEqual([
    ...clients,
    clients[0],
  ]);
  const policies = log.filter(({ action }) => action === 'policy.apply');
  expect(policies.map(({ detail }) => (detail as { number: number }).number)).toEqual([1, 2]);
});

const stemOf = (rows: unknown): string => (rows as { readonly stem?: string }).stem ?? '-';
