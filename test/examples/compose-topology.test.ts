import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeKeyFile } from '../../src/masterkey/file.ts';
import { type Cluster, startCluster } from '../postgres/cluster.ts';
import { foundHere } from '../postgres/vaults.ts';
import { textOf } from '../docs/documents.ts';
import { ownPort } from '../port.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { FOLDER, withSecrets } from './compose-secrets.ts';
import { start, startScript, until } from './running.ts';

/** The topology of examples/compose on loopback: its files, with other places put in. PostgreSQL, replicas and proxy are real. */

const put = (text: string, places: Readonly<Record<string, string>>): string =>
  Object.entries(places).reduce((done, [said, is]) => {
    expect(done).toContain(said);
    return done.replaceAll(said, is);
  }, text);

/** What psql does with roles.sql, statement by statement; then the rights of whoever serves. */
async function prepare(cluster: Cluster, secret: (name: string) => string): Promise<void> {
  const password = (name: string): string => `'${readFileSync(secret(`${name}-password`), 'utf8').trim()}'`;
  const text = put(textOf(`${FOLDER}/postgres/roles.sql`), {
    ":'owner_password'": password('owner'),
    ":'serving_password'": password('serving'),
  });
  const statements = text.split('\n').filter((line) => !/^(?:--|\\)/.test(line) && line !== '');
  await cluster.session(async (ask) => {
    for (const statement of statements) await ask(statement);
  });
  for (const [rights, things] of [
    ['select, insert, update, delete', 'tables'],
    ['usage, select', 'sequences'],
  ])
    await cluster.query(
      `alter default privileges for role strongroom_owner grant ${rights} on ${things} to strongroom`,
      'strongroom',
    );
}

async function run(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await strongroom(argv);
  if (code !== 0) throw new Error(`strongroom ${argv.join(' ')}: ${stderr}`);
  return stdout;
}

it(
  'serves callers while one replica after the other is stopped, killed and comes back',
  { timeout: 600_000 },
  async () => {
    const { dir, secret } = withSecrets();
    const cluster = await startCluster({ tls: 'right-host' });
    onTestFinished(() => cluster.end());
    await prepare(cluster, secret);
    writeKeyFile(secret('master-key'), 'mk_23456789abcd', randomBytes(32));
    // The containers have a user each; here one process's user reads them all.
    for (const name of ['vault.key', 'owner-password', 'serving-password']) {
      chownSync(secret(name), process.getuid?.() ?? 0, process.getgid?.() ?? 0);
      chmodSync(secret(name), 0o400);
    }
    const settings = (name: string, port: number, role = 'strongroom', passwordOf = 'serving'): string => {
      const config = join(dir, `${name}.yaml`);
      const text = put(textOf(`${FOLDER}/vault/strongroom.yaml`), {
        'host: 0.0.0.0': 'host: 127.0.0.1',
        'port: 7420': `port: ${port}`,
        '172.30.7.2/32': '127.0.0.1/32',
        'strongroom@postgres/': `${role}@127.0.0.1:${cluster.port}/`,
        '/run/secrets/serving-password': secret(`${passwordOf}-password`),
        '/run/secrets/authority': cluster.ca ?? '',
        '/run/secrets/vault-cert': secret('vault.crt'),
        '/run/secrets/vault-key': secret('vault.key'),
        '/run/secrets/master-key': secret('master-key'),
      });
      writeFileSync(config, text);
      return config;
    };
    const [portOne, portTwo, portProxy] = [await ownPort(), await ownPort(), await ownPort()];
    const [one, two] = [settings('vault-1', portOne), settings('vault-2', portTwo)];
    expect(await foundHere(settings('owner', 0, 'strongroom_owner', 'owner'))).toBe(true);
    await run('policy', 'apply', '--config', one);
    const keyFile = join(dir, 'api.key');
    const added = await run(
      'clients',
      'add',
      'billing',
      '--grant',
      'role:settlement-service',
      '--config',
      one,
    );
    writeFileSync(keyFile, added, { mode: 0o600 });

    const first = await serveProcess(one);
    const second = await serveProcess(two);
    const proxyFile = join(dir, 'haproxy.cfg');
    writeFileSync(
      proxyFile,
      put(textOf(`${FOLDER}/proxy/haproxy.cfg`), {
        'bind :7443': `bind 127.0.0.1:${portProxy}`,
        '/run/secrets/proxy-pem': secret('proxy.pem'),
        '/run/secrets/authority': secret('authority.crt'),
        'vault-1:7420': `127.0.0.1:${portOne}`,
        'vault-2:7420': `127.0.0.1:${portTwo}`,
      }),
    );
    const proxy = start('haproxy', ['-db', '-f', proxyFile]);
    const url = `https://127.0.0.1:${portProxy}`;

    const caller = startScript(
      'test/examples/compose-caller.ts',
      { NODE_EXTRA_CA_CERTS: secret('authority.crt') },
      [url, keyFile],
    );
    const done = (): number => Number(/.*done (\d+);/s.exec(caller.printed())?.[1] ?? 0);
    const more = async (): Promise<void> => {
      await until(caller, new RegExp(`done (${done() + 40});`));
    };
    await more();
    expect((await first.stop()).code).toBe(0);
    await until(proxy, /(Server replicas\/vault-1 is DOWN)/);
    await more();
    const again = await serveProcess(one);
    await until(proxy, /(Server replicas\/vault-1 is UP)/);
    await more();
    await second.stop('SIGKILL');
    await more();
    // It stops at the first failure, and has not.
    expect(caller.child.exitCode).toBeNull();

    const curl = (...argv: string[]): string =>
      execFileSync('curl', ['-s', '--cacert', secret('authority.crt'), '--interface', '127.0.0.2', ...argv], {
        encoding: 'utf8',
      });
    expect(curl('-o', join(dir, 'gone'), '-w', '%{http_code}', `${url}/readyz`)).toBe('404');
    const asked = { items: [{ collection: 'customer-pan', value: '4111111111111111' }] };
    const header = ['-H', `Authorization: Bearer ${added.trim()}`, '-H', 'Content-Type: application/json'];
    const answer = curl(
      ...header,
      '-H',
      'X-Forwarded-For: 192.0.2.9',
      '-d',
      JSON.stringify(asked),
      `${url}/v1/tokenise`,
    );
    const { requestId } = JSON.parse(answer) as { requestId: string };
    const events = await cluster.query('select "bytes" from "events" order by "index"', 'strongroom');
    const mine = events.map(({ bytes }) => String(bytes)).filter((text) => text.includes(requestId));
    expect(mine.map((text) => (JSON.parse(text) as { from?: string }).from)).toEqual(['127.0.0.2']);

    await caller.stop();
    await again.stop();
    expect(await run('audit', 'verify', '--config', one)).toContain('The log is whole');
  },
);
