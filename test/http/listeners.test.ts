import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { eventsOf } from '../attack/tamper.ts';
import { makeVaultDir, openVaultDir } from '../harness.ts';
import { certificate } from './certificate.ts';
import { listening, send, withoutId } from './listening.ts';

const PAN = '4111111111111111';
const body = { items: [{ collection: 'cards', value: PAN }] };

/** A vault with other settings of its server. */
const servedAt = async (server: string) => {
  const settings = `
vault: { name: test, environment: test }
server: { ${server} }
store: { url: "sqlite:data/vault.db" }
masterKey: { provider: file, path: keys }
`;
  return listening(openVaultDir(await makeVaultDir(undefined, settings)));
};

const at = (url: string, address: string): string => url.replace('0.0.0.0', address);

/** Linux answers on all of 127.0.0.0/8; other systems on 127.0.0.1 alone. */
const hasLoopbackNet = process.platform === 'linux' && 'lo' in networkInterfaces();

it('speaks TLS 1.2 or later from a certificate and a key file, and nothing else', async () => {
  const { cert, key } = certificate();
  const served = await servedAt(`host: 0.0.0.0, port: 0, tls: { cert: ${cert}, key: ${key} }`);
  const { client } = await served.asking(['tokenise:cards']);
  const url = at(served.url, '127.0.0.1');
  expect(url).toMatch(/^https:/);
  const headers = { authorization: `Bearer ${client.key}` };
  const ca = readFileSync(cert, 'utf8');
  const answer = await send(`${url}/v1/tokenise`, { body, headers, ca });
  expect(answer).toMatchObject({ status: 200 });
  // In clear, and to who does not trust the certificate: nothing.
  await expect(send(`${url.replace('https', 'http')}/livez`)).rejects.toThrow();
  await expect(send(`${url}/livez`)).rejects.toThrow('self-signed');
  const { port } = new URL(url);
  const versions = (['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).map(
    (version) =>
      new Promise((resolve) => {
        const range = { minVersion: version, maxVersion: version } as const;
        const socket = connectTls({
          host: '127.0.0.1',
          port: Number(port),
          ca,
          ciphers: 'ALL:@SECLEVEL=0',
          ...range,
        });
        socket.once('secureConnect', () => resolve(socket.getProtocol()));
        socket.once('error', () => resolve(null));
        onTestFinished(() => void socket.destroy());
      }),
  );
  expect(await Promise.all(versions)).toEqual([null, 'TLSv1.2', 'TLSv1.3']);
});

it.runIf(hasLoopbackNet)('behind a named proxy, only the connections of that proxy are served', async () => {
  const served = await servedAt('host: 0.0.0.0, port: 0, proxy: { addresses: [127.0.0.2/32] }');
  const { client } = await served.asking(['tokenise:cards']);
  const headers = { authorization: `Bearer ${client.key}`, 'x-forwarded-for': '203.0.113.7' };
  const url = at(served.url, '127.0.0.1');
  const through = await send(`${url}/v1/tokenise`, { body, headers, localAddress: '127.0.0.2' });
  expect(through).toMatchObject({ status: 200 });
  expect(eventsOf(served.open.storePath).at(-1)).toMatchObject({ action: 'tokenise', from: '203.0.113.7' });
  const before = eventsOf(served.open.storePath).length;
  for (const localAddress of ['127.0.0.1', '127.0.0.3']) {
    await expect(send(`${url}/v1/tokenise`, { body, headers, localAddress })).rejects.toThrow();
  }
  expect(eventsOf(served.open.storePath)).toHaveLength(before);
});

it.runIf(hasLoopbackNet)('believes X-Forwarded-For of a trusted proxy, and its last hop alone', async () => {
  const served = await servedAt('host: 127.0.0.1, port: 0, proxy: { addresses: [127.0.0.2/32] }');
  const { client } = await served.asking(['tokenise:cards']);
  const from = async (localAddress: string, forwarded: string | string[] | null) => {
    const hop = forwarded === null ? {} : { 'x-forwarded-for': forwarded };
    const headers = { authorization: `Bearer ${client.key}`, ...hop };
    await send(`${served.url}/v1/whoami`, { headers, localAddress });
    return eventsOf(served.open.storePath).at(-1)?.['from'];
  };
  expect(await from('127.0.0.2', '198.51.100.1, 203.0.113.7')).toBe('203.0.113.7');
  expect(await from('127.0.0.2', ['198.51.100.1', '2001:db8::1'])).toBe('2001:db8::1');
  expect(await from('127.0.0.2', '::ffff:203.0.113.9')).toBe('203.0.113.9');
  // What is no address is nobody's, and not the proxy's either.
  for (const hop of [`203.0.113.7, ${PAN}`, 'unknown', '203.0.113.7:4711', `fe80::1%${'a'.repeat(9000)}`, ''])
    expect(await from('127.0.0.2', hop), hop).toBeUndefined();
  expect(await from('127.0.0.2', null)).toBe('127.0.0.2');
  expect(await from('127.0.0.1', '203.0.113.7')).toBe('127.0.0.1');
});

it.runIf(hasLoopbackNet)(
  'holds subnets against what a trusted proxy tells, and what nobody else does',
  async () => {
    const served = await servedAt('host: 127.0.0.1, port: 0, proxy: { addresses: [127.0.0.2/32] }');
    const { client } = await served.asking(['tokenise:cards']);
    await served.open.host.clients.admit({ client: client.id, from: ['203.0.113.0/24', '2001:db8::/32'] });
    const ask = async (localAddress: string, forwarded: string | null) => {
      const hop = forwarded === null ? {} : { 'x-forwarded-for': forwarded };
      const headers = { authorization: `Bearer ${client.key}`, ...hop };
      return send(`${served.url}/v1/whoami`, { headers, localAddress });
    };
    for (const hop of ['203.0.113.7', '198.51.100.1, 203.0.113.7', '::ffff:203.0.113.9', '2001:DB8::1'])
      expect(await ask('127.0.0.2', hop), hop).toMatchObject({ status: 200 });
    const nobody = { authorization: 'Bearer nobody' };
    const unknown = withoutId(await send(`${served.url}/v1/whoami`, { headers: nobody }));
    const elsewhere: [string, string | null][] = [
      ['127.0.0.2', '203.0.114.7'],
      ['127.0.0.2', '203.0.113.7, 198.51.100.1'],
      ['127.0.0.2', null],
      ['127.0.0.2', 'unknown'],
      ['127.0.0.1', '203.0.113.7'],
      ['127.0.0.1', null],
    ];
    for (const [localAddress, hop] of elsewhere) {
      const answer = await ask(localAddress, hop);
      expect(answer.status, `${localAddress} ${hop}`).toBe(401);
      // To the byte what anybody is told who has no key at all.
      expect(withoutId(answer)).toBe(unknown);
    }
    // The proxy is within these, and a caller of whom it does not say where it is need not be.
    await served.open.host.clients.admit({ client: client.id, from: ['127.0.0.0/8'] });
    expect(await ask('127.0.0.2', null)).toMatchObject({ status: 200 });
    for (const hop of ['unknown', '203.0.113.7:4711', '127.0.0.1, unknown', 'fe80::1%lo', ''])
      expect(await ask('127.0.0.2', hop), hop).toMatchObject({ status: 401 });
  },
);

it('a stop answers the requests under way, closes kept connections, and takes no more', async () => {
  const served = await listening();
  const { client } = await served.asking(['tokenise:cards']);
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const kept = once(get(`${served.url}/livez`, { agent }), 'response');
  const [first] = (await kept) as [IncomingMessage];
  first.resume();
  const keptClosed = once(first.socket, 'close');

  const headers = { authorization: `Bearer ${client.key}`, 'content-type': 'application/json' };
  const sent = request(`${served.url}/v1/tokenise`, { method: 'POST', headers, agent: false });
  const answered = once(sent, 'response');
  const text = JSON.stringify(body);
  // The server has half of the request when it is told to stop, and the rest after.
  sent.write(text.slice(0, 10));
  const [socket] = (await once(sent, 'socket')) as [Socket];
  if (socket.connecting) await once(socket, 'connect');
  // Connections are accepted in turn: once a later one is answered, this one stands.
  await served.ask('/livez');
  const stopped = served.stop();
  await expect(served.ask('/livez')).rejects.toThrow('ECONNREFUSED');
  await keptClosed;
  sent.end(text.slice(10));
  const [answer] = (await answered) as [IncomingMessage];
  expect(answer.statusCode).toBe(200);
  const chunks = await answer.toArray();
  expect(Buffer.concat(chunks).toString()).toMatch(/^\{"items":\[\{"token":"\d{16}"\}\]/);
  await stopped;
});

it('a stop does not wait for who has only begun a TLS handshake', async () => {
  const { cert, key } = certificate();
  const served = await servedAt(`host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} }`);
  const { port } = new URL(served.url);
  const socket = connect(Number(port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  // A later connection was served: the one before it has been accepted.
  await expect(send(`${served.url}/livez`, { ca: readFileSync(cert, 'utf8') })).resolves.toMatchObject({
    status: 200,
  });
  await Promise.all([served.stop(), closed]);
});
