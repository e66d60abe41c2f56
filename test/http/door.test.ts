import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { eventsOf } from '../attack/tamper.ts';
import { listening, type Served } from './listening.ts';

/** What never becomes a request, and callers who hold on to what they were given. */

async function connected({ url }: Served): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes and gives all that comes back before the connection is closed. */
async function raw(served: Served, text: string): Promise<string> {
  const socket = await connected(served);
  const got: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => got.push(chunk));
  const closed = once(socket, 'close');
  socket.write(text);
  await closed;
  return Buffer.concat(got).toString();
}

const PAN = '4111111111111111';

it.each([
  ['no HTTP at all', `${PAN}\r\n\r\n`],
  ['a method that is none', `TOKENISE /v1/${PAN} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['a host that is none', `GET /livez HTTP/1.1\r\nHost: a b<${PAN}>\r\nConnection: close\r\n\r\n`],
  ['no host', `GET /livez HTTP/1.1\r\n\r\n`],
  ['headers past the bound', `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${PAN.repeat(2000)}\r\n\r\n`],
  ['an expectation', `POST /v1/tokenise HTTP/1.1\r\nHost: a\r\nExpect: ${PAN}\r\nContent-Length: 0\r\n\r\n`],
])('%s is a problem with an id of ours, logged and counted', async (_, text) => {
  const served = await listening();
  const answer = await raw(served, text);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 400 /);
  expect(head).toMatch(/^x-request-id: req_[\w-]{16}$/im);
  expect(head).toMatch(/^content-type: application\/problem\+json$/im);
  expect(head).toMatch(/^cache-control: no-store$/im);
  expect(JSON.parse(body)).toMatchObject({ code: 'invalid_request', status: 400 });
  expect(answer).not.toContain(PAN);
  expect(served.lines).toHaveLength(1);
  expect(served.lines[0]).toMatchObject({
    route: '*',
    method: 'OTHER',
    status: 400,
    code: 'invalid_request',
  });
  await served.open.vault.maintain();
  expect(eventsOf(served.open.storePath).at(-1)).toMatchObject({
    action: 'refusals',
    detail: { invalid_request: 1 },
  });
});

it('bodies that are held back are bounded together: the next caller is told to come again, and is served after', async () => {
  const served = await listening();
  const { client, ask } = await served.asking(['tokenise:cards']);
  const body = { items: [{ collection: 'cards', value: PAN }] };
  const head = [
    'POST /v1/tokenise HTTP/1.1',
    'Host: a',
    `Authorization: Bearer ${client.key}`,
    'Content-Type: application/json',
    `Content-Length: ${8 * 1024 * 1024}`,
  ];
  const held = await Promise.all(Array.from({ length: 10 }, () => connected(served)));
  const answered = held.map(async (socket) => String((await once(socket, 'data'))[0]));
  for (const socket of held) {
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(Buffer.alloc(7 * 1024 * 1024, 0x20));
  }
  // Ten times 7 MiB are more than may be held.
  expect(await Promise.race(answered)).toMatch(/^HTTP\/1\.1 503 /);
  for (const socket of held) socket.destroy();
  await Promise.allSettled(answered.map((answer) => Promise.race([answer, Promise.resolve()])));
  await expect.poll(async () => (await ask('/v1/tokenise', { body })).status, { timeout: 60_000 }).toBe(200);
});

it('a ref that is an account number refuses its item alone, as an event, and is not echoed', async () => {
  const served = await listening();
  const { ask } = await served.asking(['tokenise:cards', 'detokenise:cards@settlement']);
  const items = [
    { collection: 'cards', value: PAN, ref: 'mine' },
    { collection: 'cards', value: PAN, ref: PAN },
  ];
  const made = await ask('/v1/tokenise', { body: { items } });
  expect(made).toMatchObject({
    status: 207,
    json: { items: [{ ref: 'mine' }, { error: { code: 'value_in_clear' } }] },
  });
  expect(made.text).not.toContain(PAN);
  const [first] = (made.json as { items: { token: string }[] }).items;
  const asked = ['mine', PAN].map((ref) => ({ collection: 'cards', token: first?.token, ref }));
  const shown = await ask('/v1/detokenise', { body: { purpose: 'settlement', items: asked } });
  expect(shown).toMatchObject({
    status: 207,
    json: { items: [{ value: PAN }, { error: { code: 'value_in_clear' } }] },
  });
  expect(shown.text).not.toContain(`"ref":"${PAN}"`);
  const [done, denied] = eventsOf(served.open.storePath).slice(-2);
  expect(denied).toMatchObject({
    action: 'detokenise',
    outcome: 'denied',
    reason: 'value_in_clear',
    item: 1,
  });
  expect(done).toMatchObject({ action: 'detokenise', outcome: 'done', item: 0 });
});
