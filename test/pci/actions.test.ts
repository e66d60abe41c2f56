import { generateIdentity, identityToRecipient } from 'age-encryption';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { hashText } from '../../src/crypto/hash.ts';
import { base58 } from '../../src/vault/base58.ts';
import { tamper } from '../attack/tamper.ts';
import { type Answer, send } from '../http/listening.ts';
import { type Event, EVERY_VERB, recorded, workWith } from './recorded.ts';

/** PCI DSS 4.0.1, 10.2.1: what an audit log captures. One test a sub-requirement; docs/pci-dss.md names them. */

const actionsOf = (events: readonly Event[]): string[] => events.map(({ action }) => action);
const by = (events: readonly Event[], { id }: { readonly id: string }): readonly Event[] =>
  events.filter(({ actor }) => actor.id === id);

/** Checkpoints are signed by the second: waits until there is one. */
async function signed(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (answer.status === 200) return answer;
    await pause(100);
  }
}

it('10.2.1.1 all individual user access to cardholder data', async () => {
  const vault = await recorded();
  const [anna, ben] = [await vault.add('anna', ...EVERY_VERB), await vault.add('ben', ...EVERY_VERB)];
  const events = await vault.during(async () => {
    await workWith(anna);
    await workWith(ben);
  });
  for (const one of [anna, ben]) {
    const his = by(events, one);
    expect(actionsOf(his)).toEqual([
      'tokenise',
      'detokenise',
      'mask',
      'verify',
      'describe',
      'lookup',
      'replace',
      'erase',
    ]);
    const rows = new Set(his.map(({ row }) => row).filter((row) => row !== undefined));
    expect(rows.size).toBe(1);
    for (const event of his) expect(event.outcome).toBe('done');
  }
  // The program that answered has no other way to a value: what it holds, it showed under these events.
  expect(actionsOf(by(events, anna)).filter((action) => action === 'detokenise')).toHaveLength(1);
});

it('10.2.1.2 all actions taken by any individual with administrative access', async () => {
  const vault = await recorded();
  const rose = await vault.add('rose', '--kind', 'custodian', '--grant', 'clients:*', '--grant', 'policy:*');
  const events = await vault.during(async () => {
    const { run } = vault;
    expect((await run('clients', 'list')).code).toBe(0);
    const name = { client: 'made' };
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const asked: [string, object][] = [
      ['add', { name: 'made', grants: ['tokenise:customer-pan'] }],
      ['show', name],
      ['rotate', { ...name, priorKeyUntil: until }],
      ['retire', name],
      ['suspend', { ...name, reason: 'on leave' }],
      ['resume', name],
      ['restrict', { ...name, restriction: 'masked' }],
      ['lift', { ...name, restriction: 'masked' }],
      ['expire', { ...name, expiresAt: until }],
      ['admit', { ...name, from: ['10.0.0.0/8'] }],
      ['revoke', name],
    ];
    for (const [verb, body] of asked) {
      const answer = await rose.post(`/v1/clients/${verb}`, body);
      expect([verb, answer.status]).toEqual([verb, 200]);
    }
    const { json } = await rose.post('/v1/policy/show', {});
    const { policy } = json as { policy: object };
    expect((await rose.post('/v1/policy/diff', { policy })).status).toBe(200);
    const more = {
      ...policy,
      purposes: {
        extra: { basis: 'contract' },
        ...('purposes' in policy ? (policy.purposes as object) : {}),
      },
    };
    expect((await rose.post('/v1/policy/apply', { policy: more })).status).toBe(200);
    expect((await run('policy', 'explain', 'made', 'tokenise', 'customer-pan')).code).toBe(0);
  });
  expect(actionsOf(by(events, rose))).toEqual([
    ...['add', 'show', 'rotate', 'retire', 'suspend', 'resume', 'restrict', 'lift'].map(
      (v) => `clients.${v}`,
    ),
    ...['expire', 'admit', 'revoke'].map((verb) => `clients.${verb}`),
    ...['show', 'diff', 'apply'].map((verb) => `policy.${verb}`),
  ]);
  const onHost = events.filter(({ actor }) => actor.kind === 'host');
  expect(actionsOf(onHost)).toEqual(['clients.list', 'policy.explain']);
  for (const { actor, via } of onHost)
    expect([actor.id, via]).toEqual([expect.stringMatching(/^host:./), 'cli']);
});

it('10.2.1.3 all access to audit logs', async () => {
  const vault = await recorded();
  const otto = await vault.add('otto', '--kind', 'auditor', '--grant', 'audit:*');
  const nosy = await vault.add('nosy', ...EVERY_VERB);
  await vault.served();
  await signed(() => otto.post('/v1/audit/checkpoint', {}));
  const events = await vault.during(async () => {
    expect((await otto.post('/v1/audit/verify', {})).status).toBe(200);
    expect((await otto.post('/v1/audit/key', {})).status).toBe(200);
    expect((await otto.post('/v1/audit/prove', { index: 0 })).status).toBe(200);
    const { json } = await otto.post('/v1/audit/checkpoint', {});
    const { size } = json as { size: number };
    expect((await otto.get(`/v1/audit/log/tile/entries/000.p/${size}`)).status).toBe(200);
    expect((await otto.get('/v1/audit/log/checkpoint')).status).toBe(200);
    for (const path of ['verify', 'key', 'prove', 'checkpoint'])
      expect((await nosy.post(`/v1/audit/${path}`, path === 'prove' ? { index: 0 } : {})).status).toBe(403);
    expect((await nosy.get(`/v1/audit/log/tile/entries/000.p/${size}`)).status).toBe(403);
    for (const argv of [['key'], ['bundle', '--to', 'log.bundle'], ['archive', '--to', 'log']])
      expect(
        (
          await vault.run(
            'audit',
            ...argv.map((word) => (word.startsWith('log') ? vault.made.at(word) : word)),
          )
        ).code,
      ).toBe(0);
  });
  expect(by(events, otto).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    'audit.verify done',
    'audit.key done',
    'audit.prove done',
    'audit.checkpoint done',
    'audit.entries done',
    'audit.checkpoint done',
  ]);
  const refused = by(events, nosy);
  expect(refused.map(({ outcome }) => outcome)).toEqual(refused.map(() => 'denied'));
  expect(actionsOf(refused)).toEqual([
    'audit.verify',
    'audit.key',
    'audit.prove',
    'audit.checkpoint',
    'audit.entries',
  ]);
  const onHost = events.filter(({ actor }) => actor.kind === 'host');
  expect(actionsOf(onHost)).toEqual(['audit.key', 'audit.bundle', 'audit.archive']);
  for (const { via } of onHost) expect(via).toBe('cli');
});

it('10.2.1.4 all invalid logical access attempts', async () => {
  const vault = await recorded();
  const service = await vault.add('service', '--grant', 'detokenise:customer-pan@settlement');
  const revoked = await vault.add('revoked', '--grant', 'tokenise:customer-pan');
  const { url } = await vault.served();
  const events = await vault.during(async () => {
    expect((await send(`${url}/v1/whoami`)).status).toBe(401);
    const made = madeUp(service.key);
    const others = [made, 'no key at all', revoked.key];
    expect((await vault.run('clients', 'revoke', 'revoked')).code).toBe(0);
    for (const key of others)
      expect((await send(`${url}/v1/whoami`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(
        401,
      );
    const item = { collection: 'customer-pan', token: '4012880000001881' };
    const tried: [number, object][] = [
      [403, { purpose: 'support', items: [item] }],
      [404, { purpose: 'settlement', items: [item] }],
      [404, { purpose: 'settlement', items: [{ ...item, collection: 'of-somebody-else' }] }],
    ];
    for (const [status, body] of tried)
      expect((await service.post('/v1/detokenise', body)).status).toBe(status);
    expect((await service.post('/v1/clients/list', {})).status).toBe(403);
    expect((await vault.stop()).code).toBe(0);
  });
  // Who is nobody is counted, with where it came from.
  expect(events.find(({ action }) => action === 'refusals')).toMatchObject({
    outcome: 'denied',
    detail: { unauthenticated: 4, from: ['127.0.0.1'] },
  });
  // Who tried with the name of somebody is told by that name.
  const keys = events.filter(({ action }) => action === 'key_refused');
  expect(keys.map(({ reason, detail }) => ({ reason, detail }))).toEqual([
    {
      reason: 'secret',
      detail: expect.objectContaining({ client: service.id, from: ['127.0.0.1'] }) as unknown,
    },
    {
      reason: 'revoked',
      detail: expect.objectContaining({ client: revoked.id, from: ['127.0.0.1'] }) as unknown,
    },
  ]);
  // Who is known is told one by one, with why.
  const denied = by(events, service);
  expect(denied.map(({ action, outcome, reason }) => [action, outcome, reason])).toEqual([
    ['detokenise', 'denied', 'purpose not granted'],
    ['detokenise', 'denied', 'token_not_found'],
    ['detokenise', 'denied', 'unknown collection'],
    ['clients.list', 'denied', 'action not granted'],
  ]);
});

it('10.2.1.5 all changes to identification and authentication credentials', async () => {
  const vault = await recorded();
  const events = await vault.during(async () => {
    const clients = (...argv: string[]) => vault.run('clients', ...argv);
    const asked = [
      ['add', 'new', '--grant', 'tokenise:customer-pan'],
      ['add', 'chief', '--kind', 'custodian', '--grant', 'clients:*'],
      ['rotate', 'new', '--overlap', '1h'],
      ['retire', 'new'],
      ['suspend', 'new'],
      ['resume', 'new'],
      ['expire', 'new', '--in', '30d'],
      ['admit', 'new', '--from', '10.0.0.0/8'],
      ['revoke', 'new'],
    ];
    for (const argv of asked) expect((await clients(...argv)).code, argv.join(' ')).toBe(0);
  });
  const changes = events.filter(({ action }) => action.startsWith('clients.'));
  expect(actionsOf(changes)).toEqual(
    ['add', 'add', 'rotate', 'retire', 'suspend', 'resume', 'expire', 'admit', 'revoke'].map(
      (verb) => `clients.${verb}`,
    ),
  );
  const details = changes.map(({ detail }) => detail as Record<string, unknown>);
  const of = new Set(details.filter(({ name }) => name === 'new').map(({ client }) => client));
  expect(of.size).toBe(1);
  // New credentials, elevation and their end: which key, for what, until when.
  expect(details[0]).toMatchObject({ kind: 'service', grants: ['tokenise:customer-pan'] });
  expect(details[1]).toMatchObject({ kind: 'custodian', grants: ['clients:*'] });
  expect(details[2]?.['priorKey']).toBe(details[0]?.['key']);
  expect(details[2]?.['key']).not.toBe(details[0]?.['key']);
  // A grant is changed by the roles of a policy too.
  const text = readFileSync(vault.made.config, 'utf8');
  writeFileSync(vault.made.config, text.replace('"tokenise:customer-pan", ', ''));
  const applied = await vault.during(() => vault.run('policy', 'apply'));
  expect(applied.at(-1)).toMatchObject({ action: 'policy.apply', outcome: 'done' });
});

it('10.2.1.6 all initialization of new audit logs, and all starting, stopping, or pausing of the existing audit logs', async () => {
  const vault = await recorded();
  expect(vault.log()[0]).toMatchObject({
    action: 'init',
    outcome: 'done',
    actor: { kind: 'host' },
    via: 'cli',
  });
  expect(vault.log().filter(({ action }) => action === 'init')).toHaveLength(1);
  await vault.served();
  await vault.stop('SIGINT');
  await vault.served();
  await vault.stop('SIGKILL');
  await vault.served();
  await vault.stop('SIGTERM');
  const log = vault.log();
  const lives = log.flatMap(({ action, after, detail, actor }, index) =>
    action.startsWith('serve.') ? [{ action, index, after, detail, actor: actor.id }] : [],
  );
  const [first, , killed, last] = lives.map(({ index }) => index);
  const starting = { action: 'serve.start', actor: expect.stringMatching(/^host:./) as unknown };
  const stopping = { action: 'serve.stop', actor: 'system:serve' };
  expect(lives).toMatchObject([
    starting,
    { ...stopping, after: first, detail: { signal: 'SIGINT' } },
    starting,
    starting,
    { ...stopping, after: last, detail: { signal: 'SIGTERM' } },
  ]);
  // Killed: no stop names its start, which is how the auditor sees it.
  expect(lives.map(({ after }) => after)).not.toContain(killed);
  expect(lives.at(-1)?.index).toBe(log.length - 1);
});

it('10.2.1.6 a process whose start is not recorded lets nobody in, and everybody once it is', async () => {
  const vault = await recorded();
  const anna = await vault.add('anna', ...EVERY_VERB);
  const store = vault.made.at('data/strongroom.db');
  // Once, so that the policy of the file is the active one.
  await vault.served();
  await vault.stop();
  const { length } = vault.log();
  // An event stands where the next one goes: the log takes nothing more.
  tamper(store, (db) => db.exec(`insert into events select max("index") + 1, bytes from events`));
  const { url } = await vault.served();
  for (let i = 0; i < 3; i++)
    expect(await anna.get('/v1/whoami')).toMatchObject({
      status: 503,
      json: { code: expect.stringMatching(/^(?:audit_)?unavailable$/) as unknown },
    });
  expect((await send(`${url}/livez`)).status).toBe(200);
  expect((await send(`${url}/readyz`)).status).toBe(503);
  tamper(store, (db) => db.exec(`delete from events where "index" >= ${length}`));
  expect((await anna.get('/v1/whoami')).status).toBe(200);
  expect((await send(`${url}/readyz`)).status).toBe(200);
  const [first, ...others] = vault.log().slice(length);
  expect(first).toMatchObject({ action: 'serve.start', outcome: 'done' });
  expect(actionsOf(others)).toEqual(['whoami']);
  expect((await vault.stop()).code).toBe(0);
  expect(vault.log().at(-1)).toMatchObject({ action: 'serve.stop', after: length });
  expect((await vault.run('audit', 'verify')).code).toBe(0);
});

it('10.2.1.7 all creation and deletion of system-level objects', async () => {
  const vault = await recorded();
  const { made, run } = vault;
  const text = readFileSync(made.config, 'utf8');
  const policy = async (changed: string): Promise<void> => {
    writeFileSync(made.config, changed);
    expect((await run('policy', 'apply')).code).toBe(0);
  };
  const events = await vault.during(async () => {
    await policy(text.replace('\nroles:', '\n  fresh: { format: text, purposes: [support] }\nroles:'));
    await policy(text);
    expect((await run('clients', 'add', 'one', '--grant', 'tokenise:customer-pan')).code).toBe(0);
    expect((await run('clients', 'revoke', 'one')).code).toBe(0);
    const recipient = await identityToRecipient(await generateIdentity());
    expect((await run('backup', '--to', made.at('b.age'), '--recipient', recipient)).code).toBe(0);
    await vault.stop();
    const moved = made.at('moved.yaml');
    writeFileSync(moved, text.replace('data/strongroom.db', 'moved/strongroom.db'));
    const copied = await run('store', 'copy', '--to', moved);
    expect(copied.code, copied.stderr).toBe(0);
  });
  const told = events.filter(({ action }) => !action.startsWith('serve.'));
  expect(actionsOf(told)).toEqual([
    'policy.diff',
    'policy.apply',
    'policy.diff',
    'policy.apply',
    'clients.add',
    'clients.revoke',
    'backup',
    'store.copy',
  ]);
  expect(told[1]).toMatchObject({ detail: { newCollections: ['fresh'] } });
  expect(told[3]).toMatchObject({ detail: { closedCollections: ['fresh'] } });
});

/** A key with the id of another and a checksum that holds: nobody types this by mistake. */
function madeUp(key: string): string {
  const [prefix = ''] = /^strongroom_[a-z0-9-]+_.{12}/.exec(key) ?? [];
  const body = prefix + base58(randomBytes(32), 44);
  return body + base58(hashText('strongroom/api-key-checksum/v1', body).subarray(0, 4), 6);
}
