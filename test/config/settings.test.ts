import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/settings.ts';
import type { Config } from '../../src/config/settings.ts';

const parts = {
  vault: 'vault: { name: acme-cards, environment: production }',
  server: 'server: { host: 127.0.0.1, port: 7420 }',
  store: 'store: { url: "sqlite:data/strongroom.db" }',
  masterKey: 'masterKey: { provider: file, path: keys }',
};

function file(changed: Partial<typeof parts> = {}, rest = ''): string {
  return [...Object.values({ ...parts, ...changed }), rest].join('\n');
}

function accepted(text: string): Config {
  const config = readConfig(text, '/srv/vault');
  if ('problems' in config) throw new Error(JSON.stringify(config.problems));
  return config;
}

function problemsIn(text: string) {
  const config = readConfig(text, '/srv/vault');
  return 'problems' in config ? config.problems : [];
}

describe('settings', () => {
  test('are read, with paths taken from the folder of the file', () => {
    expect(accepted(file()).settings).toEqual({
      vault: { name: 'acme-cards', environment: 'production' },
      server: { host: '127.0.0.1', port: 7420, tls: null, proxy: null, metrics: null },
      store: { engine: 'sqlite', path: '/srv/vault/data/strongroom.db' },
      masterKey: { provider: 'file', path: '/srv/vault/keys' },
      anchors: [],
    });
  });

  test('keep absolute paths', () => {
    const { settings } = accepted(
      file({
        server: 'server: { tls: { cert: /etc/tls/cert.pem, key: ../key.pem } }',
        store: 'store: { url: "sqlite:/var/lib/vault.db" }',
      }),
    );
    expect(settings.store).toEqual({ engine: 'sqlite', path: '/var/lib/vault.db' });
    expect(settings.server.tls).toEqual({ cert: '/etc/tls/cert.pem', key: '/srv/key.pem' });
  });

  test('listen on loopback, port 7420, when the file does not say', () => {
    const expected = { host: '127.0.0.1', port: 7420, tls: null, proxy: null, metrics: null };
    expect(accepted(file({ server: '' })).settings.server).toEqual(expected);
    expect(accepted(file({ server: 'server: {}' })).settings.server).toEqual(expected);
  });

  test('hand on the policy as it stands, with the lines of the whole file', () => {
    const config = accepted(file({}, 'purposes:\n  settlement: { basis: contract }\ncollections: { a: 1 }'));
    expect(config.policy).toEqual({
      purposes: { settlement: { basis: 'contract' } },
      collections: { a: 1 },
    });
    expect(config.lineOf(['purposes', 'settlement', 'basis'])).toBe(6);
  });
});

describe('the address that is listened on', () => {
  test.each(['127.0.0.1', '127.8.9.10', '::1', '0:0:0:0:0:0:0:1', 'localhost'])('%s is loopback', (host) => {
    expect(accepted(file({ server: `server: { host: "${host}" }` })).settings.server.host).toBe(host);
  });

  test.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    'fd00::1',
    'vault.acme.example',
    '128.0.0.1',
    'localhost.acme.example',
  ])('%s without TLS or a proxy is refused, with what would work', (host) => {
    const problems = problemsIn(file({ server: `server: { host: "${host}" }` }));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line: 2, path: 'server.host' });
    expect(problems[0]?.problem).toMatch(/server\.tls .* server\.proxy .* 127\.0\.0\.1/);
  });

  test.each(['tls: { cert: c, key: k }', 'proxy: { addresses: [10.0.0.7/32, "fd00::7/128"] }'])(
    'off loopback is allowed with %s',
    (more) => {
      const { server } = accepted(file({ server: `server: { host: 0.0.0.0, ${more} }` })).settings;
      expect(server.host).toBe('0.0.0.0');
    },
  );

  test.each([
    '10.0.0.7',
    '10.0.0.7/33',
    '10.0.0/8',
    'fd00::/129',
    '10.0.0.7/',
    '10.0.0.7/8/8',
    '0.0.0.0/0',
    '::/0',
  ])('a proxy at %s is refused', (subnet) => {
    const server = `server: { host: 0.0.0.0, proxy: { addresses: ["${subnet}"] } }`;
    expect(problemsIn(file({ server })).map(({ path }) => path)).toEqual(['server.proxy.addresses.0']);
  });

  test('what is of another type is told in words of a file', () => {
    const problems = problemsIn(
      file({ server: 'server: { host: 0.0.0.0, tls: on, proxy: { addresses: 10.0.0.7 } }' }),
    );
    expect(problems.map(({ path, problem }) => [path, problem])).toEqual([
      ['server.tls', 'must hold keys, as name: {…}'],
      ['server.proxy.addresses', 'must be a list, as [a, b]'],
    ]);
  });

  test('a proxy without addresses is refused', () => {
    const problems = problemsIn(file({ server: 'server: { host: 0.0.0.0, proxy: { addresses: [] } }' }));
    expect(problems.map(({ path }) => path)).toEqual(['server.proxy.addresses']);
  });
});

describe('the listener for metrics', () => {
  const metricsOf = (server: string) =>
    accepted(file({ server: `server: { ${server} }` })).settings.server.metrics;
  const refused = (server: string) => problemsIn(file({ server: `server: { ${server} }` }));

  test('is off unless it is named, and then on loopback', () => {
    expect(metricsOf('port: 1')).toBe(null);
    expect(metricsOf('metrics: {}')).toEqual({ host: '127.0.0.1', port: 7421, inClear: null });
  });

  test('off loopback wants TLS of the server, or that it is accepted to have none', () => {
    const tls = 'tls: { cert: c, key: k }';
    const [problem, ...more] = refused('metrics: { host: 10.0.0.5 }');
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ line: 2, path: 'server.metrics.host' });
    expect(problem?.problem).toMatch(/server\.tls, or say inClear: accepted, or listen on 127\.0\.0\.1/);
    expect(refused('proxy: { addresses: [10.0.0.7/32] }, metrics: { host: 10.0.0.5 }')).toHaveLength(1);
    expect(metricsOf(`${tls}, metrics: { host: 10.0.0.5 }`)?.host).toBe('10.0.0.5');
    expect(metricsOf('metrics: { host: 10.0.0.5, inClear: accepted }')?.inClear).toBe('accepted');
    expect(refused('metrics: { inClear: true }').map(({ path }) => path)).toEqual(['server.metrics.inClear']);
  });

  test('is not that of the vault', () => {
    expect(refused('metrics: { port: 7420 }').map(({ path }) => path)).toEqual(['server.metrics.port']);
    expect(metricsOf('port: 0, metrics: { port: 0 }')?.port).toBe(0);
  });
});

describe('a store on PostgreSQL', () => {
  const storeOf = (store: string) => accepted(file({ store: `store: { ${store} }` })).settings.store;
  const refused = (store: string) => problemsIn(file({ store: `store: { ${store} }` }));

  test('is named by a URL, with a password and an authority in files', () => {
    expect(
      storeOf(
        'url: "postgres://strongroom@db.acme.example/vault", password: { file: /run/secrets/db }, ca: db-ca.pem, connections: 4',
      ),
    ).toEqual({
      engine: 'postgres',
      host: 'db.acme.example',
      port: 5432,
      user: 'strongroom',
      database: 'vault',
      passwordFile: '/run/secrets/db',
      tls: true,
      ca: '/srv/vault/db-ca.pem',
      connections: 4,
    });
  });

  test.each([
    ['postgresql://a%20b@127.0.0.1:6000/v%C3%A4ult', '127.0.0.1', false],
    ['postgres://u@[::1]/v', '::1', false],
    ['postgres://u@localhost/v', 'localhost', false],
    ['postgres://u@10.0.0.7/v', '10.0.0.7', true],
    ['postgres://u@localhost.acme.example/v', 'localhost.acme.example', true],
  ])('%s has TLS off loopback', (url, host, tls) => {
    expect(storeOf(`url: "${url}"`)).toMatchObject({ host, tls, ca: null, passwordFile: null });
  });

  test('on loopback has TLS where an authority is named', () => {
    expect(storeOf('url: "postgres://u@127.0.0.1/v", ca: ca.pem')).toMatchObject({ tls: true });
  });

  test('holds no password in its URL, and the sentence does not repeat it', () => {
    expect(refused('url: "postgres://vault:hunter2@db/vault"')).toEqual([
      { line: 3, path: 'store.url', problem: 'must hold no password: give store.password {file}' },
    ]);
  });

  test.each([
    'postgres:',
    'postgres://db/vault',
    'postgres://u@db',
    'postgres://u@db/',
    'postgres://u@db/a/b',
    'postgres://u@/v',
    'postgres://u@db/v?sslmode=disable',
    'postgres://u@db/v#x',
    'postgres://u@db:99999/v',
    'postgres://u@db/%00',
    'postgres://u@db/%E0%A4%A',
  ])('%s is refused', (url) => {
    expect(refused(`url: "${url}"`).map(({ path }) => path)).toEqual(['store.url']);
  });

  test('has its keys to itself, and between 2 and 200 connections', () => {
    const mixed = 'url: "sqlite:vault.db", password: { file: p }, ca: c, connections: 9';
    expect(refused(mixed).map(({ path }) => path)).toEqual([
      'store.password',
      'store.ca',
      'store.connections',
    ]);
    for (const connections of [1, 201, 2.5])
      expect(refused(`url: "postgres://u@db/v", connections: ${connections}`)).toHaveLength(1);
  });
});

describe('a file with mistakes', () => {
  test('is answered with all of them at once, each with its line', () => {
    const text = [
      'vault: { name: Acme, environment: production, colour: red }',
      'server:',
      '  port: 70000',
      '  tls: { cert: c, key: k, clientCa: ca }',
      'store: { url: "mysql:data" }',
      'masterKey: { provider: pkcs11 }',
      'colections: {}',
    ].join('\n');
    expect(problemsIn(text).map(({ line, path }) => [line, path])).toEqual([
      [7, 'colections'],
      [1, 'vault.name'],
      [1, 'vault.colour'],
      [3, 'server.port'],
      [4, 'server.tls.clientCa'],
      [5, 'store.url'],
      [6, 'masterKey.provider'],
      [6, 'masterKey.path'],
    ]);
  });

  test.each(['', '[]', 'just text', '# only a comment'])('%j holds no keys', (text) => {
    expect(problemsIn(text)).toEqual([
      { line: null, path: '', problem: 'the file must hold keys, as vault: {…}' },
    ]);
  });

  test.each(['sqlite:', 'sqlite::memory:', 'sqlite:vault.db?mode=memory', 'vault.db', 'file:vault.db'])(
    'a store at %j is refused',
    (url) => {
      const problems = problemsIn(file({ store: `store: { url: "${url}" }` }));
      expect(problems.map(({ path }) => path)).toEqual(['store.url']);
    },
  );

  test('never shows a value, wherever it was pasted', () => {
    const secret = 'hunter2 HUNTER2';
    const text = [
      `vault: { name: "${secret}", environment: ["${secret}"] }`,
      `server: { host: "${secret}", port: "${secret}", proxy: { addresses: ["${secret}"] }, tls: "${secret}" }`,
      `store: { url: "${secret}" }`,
      `masterKey: { provider: "${secret}", path: 7, pin: "${secret}" }`,
    ].join('\n');
    const problems = problemsIn(text);
    expect(problems).toHaveLength(10);
    expect(JSON.stringify(problems).toLowerCase()).not.toContain('hunter2');
  });
});
