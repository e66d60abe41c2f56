import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { asking } from './asking.ts';
import { type Database, through, urlWith } from './databases.ts';
import { clusterOfFile, clusterOfTest } from './lifetimes.ts';
import { makeVaultOn, type PostgresVault, settingsWith } from './vaults.ts';

/** What a server says of its own durability decides whether a vault is kept on it: at start, and for each connection later. */

const cluster = clusterOfFile();
const PATIENCE = { timeout: 120_000, interval: 200 };

const LEVELS = ['off', 'local', 'remote_write'];

const newVault = async (): Promise<PostgresVault> => {
  const database = await cluster().database();
  return makeVaultOn(tempDir(), database, (sql, name) => cluster().query(sql, name));
};

const roleOf = ({ url }: Database): string => new URL(url).username;
const refusal = async (config: string): Promise<string> => {
  const { code, stderr } = await strongroom(['serve', '--config', config]);
  expect(code).toBe(1);
  return stderr;
};

it('refuses a synchronous_commit that lets go of a commit early, for a role or a database', async () => {
  const { config, database } = await newVault();
  const all = [`role ${roleOf(database)}`, `database ${database.name}`];
  for (const [whose, level] of all.flatMap((one) => LEVELS.map((given) => [one, given]))) {
    await cluster().query(`alter ${whose} set synchronous_commit = ${level}`);
    expect(await refusal(config), `${whose}: ${level}`).toMatch(
      /synchronous_commit is neither on nor remote_apply/,
    );
    await cluster().query(`alter ${whose} reset synchronous_commit`);
  }
  await serveProcess(config);
});

it.each([
  ['fsync', /fsync is off/],
  ['full_page_writes', /full_page_writes is off/],
  ['synchronous_commit', /synchronous_commit is neither on nor remote_apply/],
] as const)(
  'refuses %s off at start, and closes when a server that it serves from turns it off',
  async (name, why) => {
    const own = await clusterOfTest();
    const vault = await makeVaultOn(tempDir(), await own.database(), (sql, of) => own.query(sql, of));
    await own.alter({ [name]: 'off' });
    expect(await refusal(vault.config)).toMatch(why);

    await own.alter({ [name]: 'on' });
    const ask = asking(await serveProcess(vault.config), vault.apiKey);
    const token = await ask.token(1);
    expect(await ask.reveal(token)).toMatchObject({ status: 200 });
    await own.alter({ [name]: 'off' });
    // A session hears of a reload between two statements.
    await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(503);
    const before = (await vault.events()).length;
    for (const refused of [await ask.reveal(token), await ask.tokenise(2)]) {
      expect(refused.status).toBe(503);
      expect(refused.text).not.toContain(ask.value(1));
    }
    expect(await vault.events()).toHaveLength(before);

    await own.alter({ [name]: 'on' });
    await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(200);
    expect(await strongroom(['audit', 'verify', '--config', vault.config])).toMatchObject({ code: 0 });
  },
);

it('refuses new connections once its role has been told to commit less durably, and serves when that is undone', async () => {
  const vault = await newVault();
  const ask = asking(await serveProcess(vault.config), vault.apiKey);
  const token = await ask.token(1);
  const role = roleOf(vault.database);
  await cluster().query(`alter role ${role} set synchronous_commit = off`);
  await cluster().query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
  await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(503);
  expect(await ask.tokenise(2)).toMatchObject({ status: 503 });
  await cluster().query(`alter role ${role} reset synchronous_commit`);
  await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(200);
});

it('refuses a standby, and says that it is one', async () => {
  const own = await clusterOfTest();
  const vault = await makeVaultOn(tempDir(), await own.database(), (sql, of) => own.query(sql, of));
  const standby = await own.standby({ name: 'second', synchronous: true });
  const config = settingsWith(vault, 'standby', through(vault.database, standby.port).url);
  expect(await refusal(config)).toMatch(/it is a standby/);
});

// 0.0.0.0 is this machine for whoever connects to it, and no loopback address: as far as a vault can tell, it is elsewhere.
const offLoopback = (url: string): string => urlWith(url, { hostname: '0.0.0.0' });

it('off loopback takes a server only under TLS that it can verify', async () => {
  const own = await clusterOfTest({ tls: 'right-host' });
  const vault = await makeVaultOn(tempDir(), await own.database(), (sql, of) => own.query(sql, of), own.ca);
  const url = offLoopback(vault.database.url);
  const right = settingsWith(vault, 'right', url, `ca: ${own.ca ?? ''}`);
  const ask = asking(await serveProcess(right), vault.apiKey);
  expect(await ask.reveal(await ask.token(1))).toMatchObject({ status: 200 });
  const under = `select count(*)::int as n from pg_stat_ssl s join pg_stat_activity a using (pid) where a.usename = '${roleOf(vault.database)}' and not s.ssl`;
  expect(await own.query(under)).toEqual([{ n: 0 }]);

  const strange = await clusterOfTest({ tls: 'right-host' });
  const refused = {
    'an authority that Node does not know': settingsWith(vault, 'unknown', url),
    'another authority': settingsWith(vault, 'another', url, `ca: ${strange.ca ?? ''}`),
  };
  for (const [what, config] of Object.entries(refused))
    expect(await refusal(config), what).toMatch(/the certificate of the store does not verify/);
});

it('takes no certificate that is made out to another host, on loopback neither where an authority is named', async () => {
  const own = await clusterOfTest({ tls: 'wrong-host' });
  const database = await own.database();
  const vault = await newVault();
  for (const url of [database.url, offLoopback(database.url)]) {
    const config = settingsWith(vault, 'elsewhere', url, `ca: ${own.ca ?? ''}`);
    expect(await refusal(config)).toMatch(
      /the certificate of the store does not verify \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    );
  }
});

it('off loopback tells a server without TLS nothing, its user and password least of all', async () => {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // "I have no TLS; go on in clear."
    socket.on('data', (piece: Buffer) => {
      heard.push(piece);
      socket.write('N');
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const vault = await newVault();
  const url = offLoopback(through(vault.database, port).url);
  expect(await refusal(settingsWith(vault, 'plain', url))).toMatch(/the store does not speak TLS/);
  expect(Buffer.concat(heard).toString('hex')).toBe(SSL_REQUEST);
});

/** What asks for TLS, and says nothing else (PostgreSQL manual, 54.7: SSLRequest). */
const SSL_REQUEST = '0000000804d2162f';
