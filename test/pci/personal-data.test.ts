import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { ROUTES } from '../../src/wire/routes.ts';
import { logOf } from '../attack/tamper.ts';
import { letters } from '../letters.ts';
import { type Answer, type Asking, listening, tokenOf } from '../http/listening.ts';

/** Personal data goes into every field that a caller chooses; the log must have none of it. */

/** What a caller may write and the vault never keeps in its log, each in the form that its field takes. */
const PLANTED = {
  value: `Jane Doe, 1 Main Street ${letters(9)}`,
  nextValue: `Jane Roe, 2 High Street ${letters(9)}`,
  subject: `jane.doe-${letters(9)}@example.com`,
  metadata: `born 1970-01-01 ${letters(9)}`,
  metadataKey: `wife-of-${letters(9)}`,
  ref: `row of Jane Doe ${letters(9)}`,
  idempotencyKey: `jane-doe-${letters(9)}`,
  collection: `jane-doe/${letters(9)}`,
  purpose: `jane-doe-${letters(9)}`,
  token: `jane-doe-${letters(9)}`,
  client: `jane-doe-${letters(9)}`,
  text: `Jane Doe ${letters(9)}`,
  key: `JaneDoe${letters(9)}`,
  header: `jane-doe-${letters(9)}`,
  path: `jane-doe-${letters(9)}`,
} as const;

/** What it does keep, as docs/pci-dss.md says. Found in the log, so that the search is known to find. */
const KEPT = {
  ticket: `CASE-${letters(9)}`,
  reason: `asked in CASE-${letters(9)}`,
  name: `billing-${letters(6).toLowerCase()}`,
  suspension: `left, CASE-${letters(9)}`,
  trace: 'c0ffee'.padEnd(32, '7'),
} as const;

/** Headers that callers write. A traceparent is kept where it is one. */
const HEADERS = {
  'user-agent': PLANTED.header,
  referer: `https://example.com/${PLANTED.header}`,
  cookie: `who=${PLANTED.header}`,
  'x-request-id': PLANTED.header,
  'x-forwarded-for': PLANTED.header,
  forwarded: `for=${PLANTED.header}`,
  from: PLANTED.subject,
  traceparent: `00-${PLANTED.header}-${'cd'.repeat(8)}-01`,
  tracestate: `who=${PLANTED.header}`,
  baggage: `who=${PLANTED.header}`,
  'idempotency-key': PLANTED.idempotencyKey,
};

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly format?: string;
}

const WORDS: Readonly<Record<string, string>> = { ...PLANTED, ...KEPT };

/** A body of a route with something planted wherever there is a text, so that a new route is tried as well. */
function planted(schema: Schema, name: string): unknown {
  const { type, properties, items, anyOf, enum: words } = schema;
  if (words !== undefined) return words[0];
  if (schema.format === 'date-time') return '2099-01-01T00:00:00Z';
  if (anyOf !== undefined) return planted(anyOf.find((one) => one.type !== 'null') ?? {}, name);
  if (properties !== undefined)
    return Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, planted(one, key)]));
  if (type === 'object') return { [PLANTED.metadataKey]: PLANTED.metadata };
  if (items !== undefined) return [planted(items, name)];
  if (type === 'integer' || type === 'number') return Math.max(1, schema.minimum ?? 1);
  return type === 'boolean' ? true : (WORDS[name] ?? PLANTED.text);
}

const bodyOf = (request: z.ZodType): object =>
  planted(z.toJSONSchema(request, { io: 'input', unrepresentable: 'any' }) as Schema, '') as object;

/** Text in the forms in which bytes come to be written down, and its plain hashes, by which it could be guessed. */
function formsOf(text: string): Buffer[] {
  const utf8 = Buffer.from(text);
  const hashes = ['sha256', 'sha512', 'sha1', 'md5'].map((name) => createHash(name).update(utf8).digest());
  const written = [utf8, ...hashes].flatMap((bytes) => [
    bytes,
    Buffer.from(bytes.toString('hex')),
    // Whatever stands before it in a longer text: each of three places in base64.
    ...[0, 1, 2].flatMap((before) => {
      const base64 = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
      const inner = base64.slice(before === 0 ? 0 : 4, -4);
      return [Buffer.from(inner), Buffer.from(inner.replaceAll('+', '-').replaceAll('/', '_'))];
    }),
  ]);
  const escaped = JSON.stringify(text).slice(1, -1);
  return [
    ...written,
    Buffer.from(text, 'utf16le'),
    Buffer.from(escaped),
    Buffer.from(encodeURIComponent(text)),
  ];
}

const holds = (bytes: Buffer, text: string): boolean => formsOf(text).some((form) => bytes.includes(form));

it('an event holds nothing that a caller chose, but for what is kept on purpose', async () => {
  const served = await listening();
  const { open } = served;
  const verbs = ['tokenise', 'replace', 'lookup', 'describe', 'erase'].map((action) => `${action}:*`);
  const shown = ['detokenise', 'mask', 'verify'].map((action) => `${action}:*@support`);
  const service = await served.asking([...verbs, ...shown]);
  const custodian = await served.asking(['clients:*', 'policy:*'], { kind: 'custodian' });
  const auditor = await served.asking(['audit:*'], { kind: 'auditor' });

  // Every route, by everybody: with the fields that it has, with others, with no JSON, under no path.
  for (const { method, path, request } of Object.values(ROUTES)) {
    const verb = method.toUpperCase();
    const bodies =
      request === null ? [] : [bodyOf(request), { ...bodyOf(request), [PLANTED.key]: PLANTED.text }];
    for (const { ask } of [service, custodian, auditor]) {
      for (const body of bodies) await ask(path, { method: verb, headers: HEADERS, body });
      await ask(path, { method: verb, headers: HEADERS, body: `"${PLANTED.text}` });
      await ask(`${path}/${PLANTED.path}?who=${PLANTED.path}`, { method: verb, headers: HEADERS, body: {} });
    }
    const nobody = { ...HEADERS, authorization: `Bearer ${PLANTED.header}` };
    await served.ask(path, { method: verb, headers: nobody, body: {} });
  }
  await auditor.ask(`/v1/audit/log/tile/${PLANTED.path}`, { headers: HEADERS });

  const token = await liveThrough(service);
  await administer(custodian);
  await refuseInKept(service, custodian, token);
  await open.vault.maintain();

  const events = await logOf(open);
  const bytes = Buffer.from(events.map((event) => JSON.stringify(event)).join('\n'));
  const told = new Set(events.map(({ action, outcome }) => `${String(action)} ${String(outcome)}`));
  for (const verb of ['tokenise', 'detokenise', 'mask', 'verify', 'describe', 'lookup', 'replace', 'erase'])
    for (const outcome of ['done', 'denied']) expect(told).toContain(`${verb} ${outcome}`);
  for (const [name, text] of Object.entries(KEPT)) expect(holds(bytes, text), name).toBe(true);
  for (const [name, text] of Object.entries({ ...PLANTED, issued: token, email: EMAIL, card: CARD }))
    expect(holds(bytes, text), `the log holds ${name}`).toBe(false);

  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
  await served.stop();
  const folder = dirname(open.storePath);
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(0);
  // Live tokens are in the store, and were in it: all else is nowhere in its files.
  for (const file of files)
    for (const [name, text] of Object.entries({ ...PLANTED, card: CARD }))
      expect(holds(readFileSync(join(folder, file)), text), `${file} holds ${name}`).toBe(false);
});

const PURPOSE = 'support';

/** A value's whole life, as one who may. */
async function liveThrough({ ask }: Asking): Promise<string> {
  const must = async (path: string, body: object, key = ''): Promise<Answer> => {
    const traceparent = `00-${KEPT.trace}-${'cd'.repeat(8)}-01`;
    const headers = { ...HEADERS, traceparent, 'idempotency-key': PLANTED.idempotencyKey + key };
    const answer = await ask(path, { headers, body });
    expect([path, answer.status, answer.text.includes('"error"')]).toEqual([path, 200, false]);
    return answer;
  };
  const { value, nextValue, subject, ref } = PLANTED;
  const metadata = { [PLANTED.metadataKey]: PLANTED.metadata };
  const collection = 'notes-known';
  const made = await must('/v1/tokenise', { items: [{ collection, value, subject, metadata, ref }] }, '1');
  const token = tokenOf(made);
  const why = { purpose: PURPOSE, ticket: KEPT.ticket };
  const named = { collection, token, ref };
  await must('/v1/detokenise', { ...why, items: [named] });
  await must('/v1/mask', { ...why, items: [named] });
  await must('/v1/verify', { ...why, items: [{ ...named, value }] });
  await must('/v1/describe', { items: [named] });
  await must('/v1/lookup', { items: [{ collection, value, subject, ref }] });
  await must('/v1/replace', { items: [{ ...named, value: nextValue, metadata }] }, '2');
  await must('/v1/erase', { reason: KEPT.reason, ticket: KEPT.ticket, items: [named] }, '3');
  return token;
}

async function administer({ ask }: Asking): Promise<void> {
  const post = async (path: string, body: object): Promise<void> => {
    const answer = await ask(path, { body });
    expect([path, answer.status, answer.text]).toEqual([path, 200, expect.any(String)]);
  };
  await post('/v1/clients/add', { name: KEPT.name, grants: ['tokenise:cards'] });
  await post('/v1/clients/suspend', { client: KEPT.name, reason: KEPT.suspension });
}

const EMAIL = `jane.${letters(9)}@example.com`;
const CARD = '4012888888881881';

/** What is kept takes no e-mail address and no card number. */
async function refuseInKept(service: Asking, custodian: Asking, token: string): Promise<void> {
  const items = [{ collection: 'notes-known', token }];
  for (const [text, status] of [
    [EMAIL, 400],
    [CARD, 422],
  ] as const) {
    const asked: [Asking, string, object][] = [
      [service, '/v1/detokenise', { purpose: PURPOSE, ticket: text, items }],
      [service, '/v1/erase', { reason: 'asked', ticket: text, items }],
      [service, '/v1/erase', { reason: text, items }],
      [custodian, '/v1/clients/suspend', { client: KEPT.name, reason: text }],
      [custodian, '/v1/clients/restrict', { client: KEPT.name, restriction: 'masked', reason: text }],
    ];
    for (const [{ ask }, path, body] of asked)
      expect([path, (await ask(path, { body })).status]).toEqual([path, status]);
  }
  expect(
    (await custodian.ask('/v1/clients/add', { body: { name: EMAIL, grants: ['tokenise:cards'] } })).status,
  ).toBe(400);
}
