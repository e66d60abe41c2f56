import { spawnSync } from 'node:child_process';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { send } from '../http/listening.ts';
import { lossy } from '../lossy.ts';
import { examplesVault, expectFree, paste, pastedVault, startService, transcripts } from './running.ts';

const SCRIPT = 'examples/express/main.ts';
const PAN = '4111111111111111';
const GROUPED = '4111 1111 1111 1111';
const OTHER = '5555555555554444';
const VALUES = [PAN, GROUPED, OTHER];
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) process.emitWarning('skipped: the transcript of examples/express, since curl is not installed');

interface Payment {
  readonly card: string;
  readonly amount: number;
  readonly reference: string;
}

/** The bank's side, as a listener that keeps what it was sent. */
async function bank() {
  const charged: Payment[] = [];
  const taken = async (request: IncomingMessage): Promise<Payment> => {
    const payment = (await json(request)) as Payment;
    charged.push(payment);
    return payment;
  };
  const server = createServer((request, response) => {
    void taken(request).then(({ amount }) => response.writeHead(amount === 402 ? 402 : 201).end());
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, charged };
}

async function service() {
  const vault = await examplesVault();
  const { name, key, keyFile } = await vault.client('payments');
  const way = await lossy(vault.url);
  const { url: acquirer, charged } = await bank();
  const env = { STRONGROOM_URL: way.url, STRONGROOM_KEY_FILE: keyFile, ACQUIRER_URL: acquirer };
  const { url, stop } = await startService(SCRIPT, env);
  const post = (path: string, body: object | string, idempotencyKey = 'request-1') =>
    send(url + path, {
      body,
      method: 'POST',
      headers: { 'idempotency-key': idempotencyKey, 'content-type': 'application/json' },
    });
  const get = (path: string) => send(url + path);
  /** Stops the service: nothing of what it printed holds a card or its key. */
  const log = async (): Promise<string> => {
    const { code, printed } = await stop();
    expect(code).toBe(0);
    expect(printed).toContain('"event":"request"');
    expectFree(printed, [...VALUES, key]);
    return printed;
  };
  return {
    vault,
    way,
    charged,
    post,
    get,
    log,
    revoke: () => vault.open.host.clients.revoke({ client: name }),
  };
}

it.skipIf(!hasCurl)('the page of examples/express works as pasted, and prints what it says', async () => {
  const vault = await pastedVault();
  const [setUp, tried] = transcripts('examples/express/README.md');
  // The last two lines start the programs.
  paste(setUp?.lines.slice(0, -2) ?? [], { '.strongroom': vault.dir });
  expect(setUp?.lines.slice(-2)).toEqual([
    'npx tsx examples/express/bank.ts &',
    'STRONGROOM_KEY_FILE=.strongroom/payments.key npx tsx examples/express/main.ts',
  ]);
  const acquirer = await startService('examples/express/bank.ts', {});
  const { url, stop } = await startService(SCRIPT, {
    STRONGROOM_URL: vault.url,
    STRONGROOM_KEY_FILE: vault.at('payments.key'),
    ACQUIRER_URL: acquirer.url,
  });
  const output = paste(tried?.lines ?? [], { 'http://127.0.0.1:7430': url });
  const normal = (text: string): string => text.replaceAll(/411111\d{6}1111"/g, '411111……1111"');
  expect(normal(output)).toBe(normal(tried?.output ?? ''));
  expectFree((await stop()).printed + (await acquirer.stop()).printed, VALUES);
});

it('stores a token, shows a mask, and gives the card to the bank alone', async () => {
  const { post, get, charged, log } = await service();
  const stored = await post('/customers', { id: 'cus_1', card: GROUPED });
  expect(stored).toMatchObject({ status: 201, json: { id: 'cus_1' } });
  const { token } = stored.json as { token: string };
  expect(token).toMatch(/^411111\d{6}1111$/);
  expect(token).not.toBe(PAN);
  await post('/customers', { id: 'cus_2', card: OTHER }, 'request-2');
  const shown = await get('/customers/cus_1');
  expect(shown).toMatchObject({ status: 200, json: { id: 'cus_1', card: '************1111' } });

  const payments = [
    { customer: 'cus_1', amount: 1999 },
    { customer: 'cus_2', amount: 402 },
  ];
  const settled = await post('/settle', { batch: 'S-1', payments });
  expect(settled).toMatchObject({
    status: 200,
    json: {
      batch: 'S-1',
      payments: [
        { customer: 'cus_1', outcome: 'paid' },
        { customer: 'cus_2', outcome: 'declined' },
      ],
    },
  });
  expect(charged.toSorted((a, b) => b.amount - a.amount)).toEqual([
    { card: PAN, amount: 1999, reference: 'S-1/cus_1' },
    { card: OTHER, amount: 402, reference: 'S-1/cus_2' },
  ]);
  expectFree(stored.text + shown.text + settled.text, VALUES);
  expect(await log()).toContain('"route":"/customers/:id","status":200');
});

it('repeats a request that was lost under its key, and stores one card once', async () => {
  const { vault, way, post, log } = await service();
  way.faults.push('lost', 'gateway');
  const first = await post('/customers', { id: 'cus_1', card: PAN });
  expect(first.status).toBe(201);
  expect(way.asked.map(({ idempotencyKey }) => idempotencyKey)).toEqual(
    Array.from({ length: 3 }, () => 'customers/request-1'),
  );
  // Its own caller may repeat, too; another request for the same customer, or with another card, is refused.
  expect((await post('/customers', { id: 'cus_1', card: PAN })).json).toEqual(first.json);
  expect(await post('/customers', { id: 'cus_1', card: OTHER })).toMatchObject({
    status: 409,
    json: { code: 'request_changed' },
  });
  expect(await post('/customers', { id: 'cus_1', card: PAN }, 'request-2')).toMatchObject({
    status: 409,
    json: { code: 'customer_exists' },
  });
  expect(await vault.issued()).toBe(1);
  await log();
});

it('asks three times and says so; the same request can be repeated, and no other', async () => {
  const { way, post, get, log } = await service();
  way.faults.push({ busy: 0 }, { busy: 0 }, { busy: 1 });
  const busy = await post('/customers', { id: 'cus_1', card: PAN });
  expect(busy).toMatchObject({ status: 503, json: { code: 'try_again' } });
  expect(busy.headers['retry-after']).toBe('1');
  expect(way.asked).toHaveLength(3);
  expect((await get('/customers/cus_1')).status).toBe(404);
  expect((await post('/customers', { id: 'cus_1', card: OTHER }, 'request-2')).status).toBe(409);
  expect((await post('/customers', { id: 'cus_1', card: PAN })).status).toBe(201);
  const line = '"event":"vault","code":"unavailable","vaultRequest":"req_busybusybusybusy"';
  expect(await log()).toContain(line);
});

it('has words of its own for what is wrong, and repeats nothing that it was sent', async () => {
  const { post, get, revoke, log } = await service();
  await post('/customers', { id: 'cus_1', card: PAN });
  const twice = { customer: 'cus_1', amount: 1 };
  const answers = [
    [await post('/customers', { id: 'cus_2', card: `${PAN}1` }, 'request-2'), 422, 'card_refused'],
    [
      await post('/customers', { id: 'cus_4111111111111111', card: PAN }, 'request-3'),
      422,
      'card_in_wrong_field',
    ],
    [await post('/customers', { id: PAN, card: PAN }, 'request-4'), 400, 'bad_request'],
    [await post('/customers', { id: 'cus_2', card: PAN, [PAN]: OTHER }, 'request-5'), 400, 'bad_request'],
    [await post('/customers', `{"card":"${PAN}`, 'request-6'), 400, 'bad_request'],
    [await post('/customers', { id: 'cus_2', card: PAN }, `x ${PAN}`), 400, 'bad_request'],
    [
      await post('/settle', { batch: 'S-1', payments: [{ customer: 'cus_9', amount: 1 }] }),
      404,
      'customer_not_found',
    ],
    [await post('/settle', { batch: 'S-1', payments: [twice, twice] }), 400, 'bad_request'],
    [await get(`/customers/${PAN}`), 400, 'bad_request'],
    [await get(`/customers/%`), 400, 'bad_request'],
    [await get(`/${PAN}?card=${PAN}`), 404, 'not_found'],
  ] as const;
  for (const [{ status, json: body, text }, expected, code] of answers) {
    expect([status, body]).toEqual([expected, { code }]);
    expectFree(text, VALUES);
  }
  // What was refused for good leaves the customer free for another card.
  expect((await post('/customers', { id: 'cus_2', card: OTHER }, 'request-7')).status).toBe(201);
  // A grant that is missing is nothing that callers can mend.
  await revoke();
  expect(await get('/customers/cus_1')).toMatchObject({ status: 500, json: { code: 'internal' } });
  expect(await log()).toMatch(/"code":"unauthenticated","vaultRequest":"req_[\w-]{16}"/);
});
