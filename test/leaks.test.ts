import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { ROUTES } from '../src/wire/routes.ts';
import { makeVaultDir, openVaultDir } from './harness.ts';
import { serveProcess } from './process.ts';
import { letters } from './letters.ts';

/** Known values go in through every door there is; afterwards they must be nowhere but in a detokenise answer. */

const PAN = '4012888888881881';
const GROUPED = '4012 8888 8888 1881';
const SECRET = `sk-known-${letters(12)}-ünïcode`;
const SUBJECT = `cus_${letters(9)}`;
const REF = `ref-${letters(9)}`;
const TICKET = 'CASE-20261122-4711';
const METADATA = `meta-${letters(9)}`;
const IDEMPOTENCY = `idem-${letters(9)}`;
/** What replaces what was there, and why it is erased. */
const NEXT_PAN = '5105105105105100';
const NEXT_SECRET = `sk-next-${letters(12)}`;
const NEXT_METADATA = `next-${letters(9)}`;
const REASON = `DSAR-${letters(9)}`;

/** What each route is sent; a route that is not here fails the test. */
const BODIES: Record<keyof typeof ROUTES, readonly object[]> = {
  tokenise: [
    {
      items: [
        { collection: 'cards', value: GROUPED, subject: SUBJECT, ref: REF, metadata: { note: METADATA } },
      ],
    },
    { items: [{ collection: 'cards-known', value: PAN, subject: SUBJECT }] },
    { items: [{ collection: 'notes', value: SECRET }] },
    { items: [{ collection: 'cards', value: `${PAN}0` }] },
    { items: [{ collection: 'cards', value: PAN, ref: PAN }] },
    { items: [{ collection: 'cards', value: PAN, metadata: { [PAN]: SECRET } }] },
    { items: [{ collection: 'cards', value: PAN, metadata: { [PAN]: [SECRET] } }] },
    { items: [{ collection: PAN, value: SECRET }] },
    { items: [{ collection: 'cards', value: PAN, [PAN]: SECRET }], [SECRET]: 1 },
    { items: [{ collection: 'cards', value: Number(PAN) }] },
    { items: [{ collection: 'cards', value: [SECRET] }] },
    { items: PAN },
    { items: [{ collection: 'notes', value: SECRET.repeat(600) }] },
  ],
  detokenise: [
    { purpose: 'settlement', ticket: TICKET, items: [{ collection: 'cards', token: PAN }] },
    { purpose: SECRET, items: [{ collection: 'notes', token: SECRET }] },
    { purpose: 'support', ticket: PAN, items: [{ collection: 'notes', token: SECRET }] },
    { items: [{ collection: PAN, token: SECRET }] },
  ],
  mask: [
    { purpose: 'settlement', ticket: TICKET, items: [{ collection: 'cards', token: PAN, ref: REF }] },
    { purpose: SECRET, ticket: PAN, items: [{ collection: 'notes', token: SECRET, version: 1 }] },
    { purpose: 'settlement', items: [{ collection: 'cards', token: PAN, [PAN]: SECRET }] },
  ],
  verify: [
    { purpose: 'settlement', items: [{ collection: 'cards', token: PAN, value: PAN }] },
    { purpose: 'support', ticket: PAN, items: [{ collection: 'notes', token: SECRET, value: SECRET }] },
    { purpose: 'settlement', items: [{ collection: 'cards', token: PAN, value: `${PAN}0` }] },
    { purpose: SECRET, items: [{ collection: PAN, token: SECRET, value: [SECRET] }] },
  ],
  replace: [
    { items: [{ collection: 'cards', token: PAN, value: PAN, ifVersion: 1, metadata: { note: METADATA } }] },
    { items: [{ collection: 'notes', token: SECRET, value: SECRET }] },
    { items: [{ collection: 'cards', token: SECRET, value: PAN, metadata: { note: PAN } }] },
    { items: [{ collection: PAN, token: SECRET, value: PAN, ifVersion: SECRET }] },
  ],
  lookup: [
    { items: [{ collection: 'cards', value: PAN, subject: SUBJECT, ref: REF }] },
    { items: [{ collection: 'cards-known', value: PAN, subject: SUBJECT }] },
    { items: [{ collection: 'cards-known', value: PAN, subject: PAN }] },
    {
      items: [
        { collection: 'notes', value: SECRET },
        { collection: SECRET, value: PAN },
      ],
    },
    { items: [{ collection: 'cards-known', value: PAN, [PAN]: SECRET }] },
  ],
  describe: [
    { items: [{ collection: 'cards', token: PAN }] },
    { items: [{ collection: PAN, token: SECRET, ref: PAN }] },
    { items: [{ collection: 'notes', token: SECRET, [PAN]: SECRET }] },
  ],
  erase: [
    { reason: 'asked', ticket: TICKET, items: [{ collection: 'cards', token: PAN }] },
    { reason: PAN, items: [{ collection: 'notes', token: SECRET }] },
    { reason: SECRET, ticket: PAN, items: [{ collection: PAN, token: SECRET }] },
  ],
  collections: [],
  whoami: [],
  explain: [
    { action: 'detokenise', collection: PAN, purpose: SECRET },
    { action: PAN, collection: 'cards' },
    { action: 'detokenise', collection: 'cards', purpose: PAN },
    { action: 'detokenise', collection: 'cards', purpose: 'settlement', [PAN]: SECRET },
  ],
  showPolicy: [{ [SECRET]: PAN }],
  diffPolicy: [
    { policy: { collections: { [PAN]: { format: 'text' } } } },
    { policy: { collections: { [SECRET]: { format: 'text', [PAN]: SECRET } }, [SECRET]: PAN } },
    { policy: { roles: { known: [PAN, SECRET, `tokenise:${PAN}`] }, purposes: { known: { basis: PAN } } } },
    { policy: { collections: { known: { format: SECRET, formerly: PAN } } } },
    { policy: SECRET },
  ],
  applyPolicy: [
    { policy: { collections: { [PAN]: { format: 'text' } } } },
    { policy: { collections: { [SECRET]: { format: PAN, formerly: [SECRET] } } } },
    { policy: { collections: { known: { format: 'text', formerly: PAN } } } },
    { policy: PAN, expected: SECRET },
  ],
  explainClient: [
    { client: SECRET, action: 'detokenise', collection: PAN, purpose: SECRET },
    { client: PAN, action: PAN, collection: SECRET },
  ],
  addClient: [
    { name: SECRET, grants: [PAN] },
    { name: 'known', grants: [`tokenise:${PAN}`], [SECRET]: PAN },
  ],
  listClients: [{ [SECRET]: PAN }],
  showClient: [{ client: PAN }, { client: SECRET }, { client: 'held', [SECRET]: PAN }],
  rotateClient: [{ client: PAN }, { client: SECRET, priorKeyUntil: PAN }],
  retireClient: [{ client: PAN }, { client: SECRET }],
  suspendClient: [
    { client: PAN, reason: PAN },
    { client: 'held', reason: PAN },
    { client: 'held', reason: SECRET },
  ],
  resumeClient: [{ client: PAN }, { client: SECRET }],
  restrictClient: [
    { client: PAN, restriction: 'masked' },
    { client: 'held', restriction: 'masked', reason: GROUPED },
    { client: 'held', restriction: SECRET, until: PAN },
  ],
  liftClient: [
    { client: PAN, restriction: 'masked' },
    { client: SECRET, restriction: PAN },
  ],
  expireClient: [
    { client: PAN, expiresAt: null },
    { client: 'held', expiresAt: SECRET },
  ],
  admitClient: [
    { client: PAN, from: [] },
    { client: 'held', from: [PAN] },
    { client: 'held', from: [SECRET] },
  ],
  revokeClient: [{ client: PAN }, { client: SECRET }],
  verifyLog: [{ [PAN]: SECRET }],
  logKey: [{}, { [PAN]: SECRET }],
  rotateLogKey: [{}, { [PAN]: SECRET }],
  newestCheckpoint: [{}, { [PAN]: SECRET }],
  readEvents: [
    { from: 0, limit: 5, proofs: true },
    { collection: 'cards' },
    { collection: SECRET },
    { collection: PAN },
    { from: Number(PAN) },
    { [PAN]: SECRET },
  ],
  proveEvent: [{ index: 0 }, { index: PAN }, { index: Number(PAN) }],
};

interface Answer {
  readonly route: string;
  readonly status: number;
  readonly text: string;
}

it('no value, token, reference or credential is in a log, header, error or database byte', async () => {
  const dir = await makeVaultDir();
  const open = await openVaultDir(dir);
  const data = ['cards', 'cards-known'].flatMap((name) => [
    `tokenise:${name}`,
    `detokenise:${name}@settlement`,
  ]);
  const service = await open.add([...data, 'tokenise:notes', 'detokenise:notes@support']);
  const custodian = await open.add(['clients:*', 'policy:*', 'keys:*'], { kind: 'custodian' });
  const auditor = await open.add(['audit:*'], { kind: 'auditor' });
  await open.add(['tokenise:cards'], { name: 'held' });
  const worker = await open.add([
    ...['tokenise', 'replace', 'lookup', 'describe', 'erase'].map((action) => `${action}:*`),
    ...['mask', 'verify'].flatMap((action) => [`${action}:*@settlement`, `${action}:*@support`]),
  ]);
  const { storePath } = open;
  await open.close();
  const served = await serveProcess(join(dir, 'strongroom.yaml'));

  const answers: Answer[] = [];
  const send = async (
    route: string,
    method: string,
    path: string,
    body: string | null,
    key: string,
    headers: Record<string, string> = {},
  ) => {
    const own = { authorization: `Bearer ${key}`, ...headers };
    const answer = { route, ...(await ask(served.url, method, path, body, own)) };
    answers.push(answer);
    return answer;
  };

  const tokens: string[] = [];
  for (const [name, { method, path }] of Object.entries(ROUTES)) {
    const bodies = BODIES[name as keyof typeof ROUTES];
    const verb = method.toUpperCase();
    for (const key of [service.key, custodian.key, auditor.key, mistyped(service.key), SECRET]) {
      for (const body of [...bodies, null]) {
        const answer = await send(name, verb, path, body === null ? null : JSON.stringify(body), key, {
          'idempotency-key': IDEMPOTENCY + tokens.length,
        });
        for (const [, token] of answer.text.matchAll(/"token":"([^"]+)"/g))
          if (token !== undefined) tokens.push(token);
      }
      await send(name, verb, path, `{"items":[{"value":"${PAN}"`, key);
      await send(name, verb, `${path}?value=${PAN}&${encodeURIComponent(SECRET)}=1`, null, key);
      await send(name, verb, `${path}/${PAN}`, null, key);
      await send(name, 'PUT', path, PAN, key);
      await send(name, verb, path, PAN, key, { 'content-type': `text/${PAN}` });
      await send(name, verb, path, '{}', key, {
        traceparent: PAN,
        'x-forwarded-for': PAN,
        'user-agent': SECRET.replace(/[^ -~]/g, ''),
        'idempotency-key': PAN,
      });
    }
  }
  const token = tokens[0] ?? '';
  // What the vault itself made goes back in where it does not belong: tokens and API keys.
  for (const [name, { method, path }] of Object.entries(ROUTES)) {
    const verb = method.toUpperCase();
    for (const made of [token, tokens.at(-1) ?? '', service.key, custodian.key]) {
      await send(name, verb, `${path}/${made}`, null, service.key);
      await send(name, verb, `${path}?token=${made}`, null, service.key);
      const headers = { 'x-request-id': made, cookie: `key=${made}`, 'x-forwarded-for': made };
      await send(name, verb, path, JSON.stringify({ [made]: made }), service.key, headers);
      await send(name, 'PROPFIND', `/${made}`, null, service.key);
      const inItem = { collection: made, value: made, token: made };
      await send(name, verb, path, JSON.stringify({ purpose: made, items: [inItem] }), service.key);
    }
    await send(name, verb, path, `"${SECRET}${PAN}"`.padEnd(8 * 1024 * 1024 + 1), service.key);
  }
  const own = { items: [{ collection: 'notes', value: service.key, subject: service.key }] };
  await send('tokenise', 'POST', '/v1/tokenise', JSON.stringify(own), service.key);
  const asked = { purpose: 'settlement', ticket: TICKET, items: [{ collection: 'cards', token, ref: REF }] };
  const revealed = await ask(served.url, 'POST', '/v1/detokenise', JSON.stringify(asked), {
    authorization: `Bearer ${service.key}`,
  });
  expect(revealed.text).toContain(`{"items":[{"ref":"${REF}","value":"${PAN}"}]`);

  const described = await workAsGranted((name, body) => {
    const { method, path } = ROUTES[name];
    return send(name, method.toUpperCase(), path, JSON.stringify(body), worker.key);
  });
  // What is told of a token is told by describe alone.
  expect(described).toHaveLength(2);
  for (const { text } of described) {
    expect(text).toContain(SUBJECT);
    expect(text).toContain(NEXT_METADATA);
    mustBeFree('a description', Buffer.from(text), { PAN, SECRET, NEXT_PAN, NEXT_SECRET, METADATA, REASON });
  }
  const { stdout, stderr } = await served.stop();
  const logs = stdout + stderr;
  expect(logs).toContain('"route":"/v1/tokenise"');
  const known = {
    PAN,
    GROUPED,
    SECRET,
    METADATA,
    NEXT_PAN,
    NEXT_SECRET,
    NEXT_METADATA,
    key: service.key,
    custodian: custodian.key,
    wrong: mistyped(service.key),
  };
  const unlogged = { ...known, REASON, SUBJECT, REF, TICKET, IDEMPOTENCY, token, last: tokens.at(-1) ?? '' };
  mustBeFree('the log', Buffer.from(logs), unlogged);
  for (const file of readdirSync(dirname(storePath))) {
    mustBeFree(file, readFileSync(join(dirname(storePath), file)), { ...known, SUBJECT, REF, IDEMPOTENCY });
  }
  for (const answer of answers.filter((one) => !described.includes(one))) {
    const { route, status, text } = answer;
    // A ref is echoed, as asked; nothing else of what was sent is.
    // Events hold the ticket and the reason that were given: whoever reads events reads those.
    const unlessRead = route === 'readEvents' ? {} : { REASON, TICKET };
    mustBeFree(`${route} ${status}`, Buffer.from(text.replaceAll(/"ref":"[^"]*"/g, '')), {
      ...known,
      ...unlessRead,
      SUBJECT,
      IDEMPOTENCY,
    });
    if (status >= 400) mustBeFree(`${route} ${status}`, Buffer.from(text), { token });
  }
  expect(answers.length).toBeGreaterThan(200);
  expect(new Set(answers.map(({ status }) => status))).toEqual(
    new Set([200, 400, 401, 403, 404, 405, 410, 413, 415, 422]),
  );
});

/** Each verb on live tokens, as one who may: it must succeed. Gives back what describe answered. */
async function workAsGranted(
  asked: (route: keyof typeof ROUTES, body: object) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const must = async (route: keyof typeof ROUTES, body: object) => {
    const answer = await asked(route, body);
    expect([answer.status, answer.text.includes('"error"')], `${route}: ${answer.text}`).toEqual([
      200,
      false,
    ]);
    return answer;
  };
  const described: Answer[] = [];
  const told = { subject: SUBJECT, metadata: { note: METADATA } };
  for (const [collection, value, next, purpose] of [
    ['cards-known', PAN, NEXT_PAN, 'settlement'],
    ['notes', SECRET, NEXT_SECRET, 'support'],
  ] as const) {
    const made = await must('tokenise', {
      items: [{ collection, value, ...told, expiresAt: '2099-01-01T00:00:00Z' }],
    });
    const [, token = ''] = /"token":"([^"]+)"/.exec(made.text) ?? [];
    const named = { collection, token, ref: REF };
    await must('mask', { purpose, ticket: TICKET, items: [named] });
    await must('verify', { purpose, ticket: TICKET, items: [{ ...named, value }] });
    await must('verify', { purpose, items: [{ ...named, value: next }] });
    const metadata = { note: NEXT_METADATA };
    await must('replace', { items: [{ ...named, value: next, ifVersion: 1, metadata }] });
    if (collection !== 'notes')
      await must('lookup', { items: [{ collection, value: next, subject: SUBJECT, ref: REF }] });
    described.push(await must('describe', { items: [named] }));
    await must('erase', { reason: REASON, ticket: TICKET, items: [named] });
    await asked('erase', { reason: REASON, items: [named] });
  }
  return described;
}

/** Another key, whatever this one ends in. */
const mistyped = (key: string): string => `${key.slice(0, -1)}${key.endsWith('x') ? 'y' : 'x'}`;

/** As text, and as the encodings in which bytes tend to be written down. */
function mustBeFree(where: string, bytes: Buffer, known: Record<string, string>): void {
  for (const [name, text] of Object.entries(known)) {
    const utf8 = Buffer.from(text);
    const base64 = utf8.toString('base64').replace(/=+$/, '').slice(0, -1);
    const forms = [
      utf8,
      Buffer.from(text, 'utf16le'),
      Buffer.from(utf8.toString('hex')),
      Buffer.from(base64),
    ];
    if (forms.some((form) => bytes.includes(form))) expect.fail(`${where} holds ${name}`);
  }
}

/** Status, headers and body as text: headers are answers too. */
function ask(
  url: string,
  method: string,
  path: string,
  body: string | null,
  headers: Record<string, string>,
): Promise<{ status: number; text: string }> {
  // Node frames no body of a GET by itself: without a length it would be read as the next request.
  const length = body === null ? {} : { 'content-length': Buffer.byteLength(body) };
  const type = body === null ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, url),
      { method, headers: { ...type, ...length, ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            text: answer.rawHeaders.join('\n') + Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body ?? undefined);
  });
}
