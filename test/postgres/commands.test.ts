import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { type Finished, strongroom } from '../served.ts';
import { clusterOfFile } from './lifetimes.ts';
import type { Database } from './databases.ts';

/** What an operator types, on a real server. */

const cluster = clusterOfFile();

interface Operator {
  readonly dir: string;
  readonly database: Database;
  readonly config: string;
  readonly run: (...argv: string[]) => Promise<Finished>;
  /** As the role that owns the tables. */
  readonly asOwner: readonly string[];
  readonly store: readonly string[];
}

async function operator(): Promise<Operator> {
  const database = await cluster().database();
  const dir = join(tempDir(), 'vault');
  const [serving, owner] = [new URL(database.url), new URL(database.migrationUrl)];
  const files = tempDir();
  const written = (name: string, text: string): string => {
    writeFileSync(join(files, name), `${text}\n`, { mode: 0o600 });
    return join(files, name);
  };
  const url = `postgres://${serving.username}@${serving.host}/${database.name}`;
  const config = join(dir, 'strongroom.yaml');
  return {
    dir,
    database,
    config,
    run: (...argv) => strongroom([...argv, '--config', config]),
    asOwner: ['--as', owner.username, '--as-password-file', written('owner', owner.password)],
    store: ['--store', url, '--password-file', written('serving', serving.password)],
  };
}

const init = ({ dir, store, asOwner }: Operator, ...more: string[]): Promise<Finished> =>
  strongroom(['init', '--dir', dir, ...store, ...asOwner, ...more]);

async function made(...more: string[]): Promise<Operator> {
  const one = await operator();
  expect(await init(one, ...more)).toMatchObject({ code: 0, stderr: '' });
  const text = readFileSync(one.config, 'utf8').replace('port: 7420', 'port: 0');
  writeFileSync(one.config, text);
  return one;
}

const fine = { code: 0, stderr: '' };
const refused = (why: RegExp) => ({ code: 1, stdout: '', stderr: expect.stringMatching(why) as unknown });

const readyz = async (url: string): Promise<number> => (await fetch(`${url}/readyz`)).status;
const LATER = { timeout: 60_000 };

it('init makes a vault in an empty database, and every command works on it', async () => {
  const { run, dir } = await made('--first-key');
  expect(readdirSync(dir).toSorted()).toEqual(['.gitignore', 'first-key', 'keys', 'strongroom.yaml']);
  expect(statSync(join(dir, 'strongroom.yaml')).mode & 0o777).toBe(0o600);
  expect(await run('doctor')).toEqual({ ...fine, stdout: 'Nothing is wrong.\n' });
  expect(await run('clients', 'add', 'billing', '--grant', 'tokenise:customer-pan')).toMatchObject({
    code: 0,
  });
  for (const argv of [
    ['clients', 'list'],
    ['clients', 'show', 'billing'],
    ['clients', 'rotate', 'billing'],
    ['clients', 'suspend', 'billing'],
    ['clients', 'resume', 'billing'],
    ['clients', 'restrict', 'billing', 'masked'],
    ['clients', 'lift', 'billing', 'masked'],
    ['clients', 'revoke', 'billing'],
    ['policy', 'check'],
    ['policy', 'diff'],
    ['policy', 'show'],
    ['policy', 'apply'],
    ['policy', 'explain', 'billing', 'tokenise', 'customer-pan'],
    ['migrate'],
    ['audit', 'verify'],
  ])
    expect(await run(...argv), argv.join(' ')).toMatchObject({ code: 0 });
  expect((await run('audit', 'verify')).stdout).toContain('The log is whole, and every row agrees with it.');
  for (const argv of [
    ['backup', '--to', join(dir, 'b'), '--recipient', 'age1x'],
    ['restore', join(dir, 'b'), '--identity', join(dir, 'i')],
  ])
    expect(await run(...argv)).toEqual(
      refused(/of stores in a file, and this one is on PostgreSQL.*docs\/postgres\.md/),
    );
});

it('init touches nothing where there is something, and leaves nothing where it is refused', async () => {
  const one = await made();
  const again = { ...one, dir: `${one.dir}-2` };
  expect(await init(again)).toEqual(
    refused(/holds a vault already: another replica has its strongroom\.yaml/),
  );
  const other = await operator();
  await cluster().query('create table "theirs" (id int)', other.database.name);
  expect(await init(other)).toEqual(refused(/holds tables of something else/));
  const gone = await operator();
  const [, url = '', ...rest] = gone.store;
  expect(await init({ ...gone, store: ['--store', url.replace(/:\d+\//, ':1/'), ...rest] })).toEqual(
    refused(/the store cannot be reached \(ECONNREFUSED\)/),
  );
  expect(await init({ ...gone, store: ['--store', url.replace('@', ':hunter2@'), ...rest] })).toEqual(
    refused(/^strongroom: --store must hold no password[^\n]*\n$/),
  );
  for (const { dir } of [again, other, gone]) expect(existsSync(dir)).toBe(false);
  expect(await strongroom(['init', '--as', 'x'])).toMatchObject({ code: 2 });
});

it('an owner who is named without a file with his password is told of the option', async () => {
  const one = await operator();
  const [as = '', owner = ''] = one.asOwner;
  expect(await init({ ...one, asOwner: [as, owner] })).toEqual(
    refused(/: --as-password-file names a file with the password of \S+\n$/),
  );
  expect(await init(one)).toMatchObject(fine);
  const config = join(one.dir, 'strongroom.yaml');
  expect(await strongroom(['migrate', '--config', config, '--as', owner])).toEqual(
    refused(/: --as-password-file names a file with the password of \S+\n$/),
  );
});

it('init tries the role that serves before it makes anything', async () => {
  const one = await operator();
  const [, url = '', , right = ''] = one.store;
  mkdirSync(one.dir, { mode: 0o700 });
  const file = join(one.dir, 'store.password');
  const here = { ...one, store: ['--store', url, '--password-file', file] };
  expect(await init(here)).toEqual(refused(/store\.password does not read/));
  writeFileSync(file, 'wrong\n', { mode: 0o600 });
  expect(await init(here)).toEqual(refused(/the store refused the user or the password \(28P01\)/));
  expect(readdirSync(one.dir)).toEqual(['store.password']);
  const tables = `select tablename from pg_tables where schemaname = 'public'`;
  expect(await cluster().query(tables, one.database.name)).toEqual([]);
  copyFileSync(right, file);
  expect(await init(here)).toMatchObject(fine);
});

it('init names the files of its folder from there, so that the folder serves wherever it is', async () => {
  const one = await operator();
  const [, url = '', , right = ''] = one.store;
  mkdirSync(one.dir, { mode: 0o700 });
  const file = join(one.dir, 'store.password');
  copyFileSync(right, file);
  expect(await init({ ...one, store: ['--store', url, '--password-file', file] })).toMatchObject(fine);
  const elsewhere = join(tempDir(), 'elsewhere');
  renameSync(one.dir, elsewhere);
  expect(await strongroom(['doctor', '--config', join(elsewhere, 'strongroom.yaml')])).toEqual({
    ...fine,
    stdout: 'Nothing is wrong.\n',
  });
});

it('a second replica is the same files and no init; serve never makes tables or a vault', async () => {
  const one = await made('--first-key');
  const second = tempDir();
  for (const name of ['strongroom.yaml', 'keys'])
    writeFileSync(join(second, name), readFileSync(join(one.dir, name)), { mode: 0o600 });
  const [here, there] = [await serveProcess(one.config), await serveProcess(join(second, 'strongroom.yaml'))];
  expect([await readyz(here.url), await readyz(there.url)]).toEqual([200, 200]);
  expect(here.output().stderr).not.toContain('Warning');
  const ask = (url: string, verb: string, body: object): Promise<Response> =>
    fetch(`${url}/v1/${verb}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: readFileSync(join(one.dir, 'first-key'), 'utf8').trim().replace('Authorization: ', ''),
      },
      body: JSON.stringify(body),
    });
  const item = { collection: 'customer-pan' };
  const tokenised = (await (
    await ask(here.url, 'tokenise', { items: [{ ...item, value: '4111111111111111' }] })
  ).json()) as { items: { token: string }[] };
  const shown = await ask(there.url, 'detokenise', {
    purpose: 'settlement',
    items: [{ ...item, token: tokenised.items[0]?.token }],
  });
  expect(await shown.json()).toMatchObject({ items: [{ value: '4111111111111111' }] });

  await cluster().query('drop schema public cascade; create schema public', one.database.name);
  await cluster().query('grant usage on schema public to public', one.database.name);
  expect(await one.run('serve')).toMatchObject({ code: 1 });
  const tables = await cluster().query(
    `select 1 from pg_tables where schemaname = 'public'`,
    one.database.name,
  );
  expect(tables).toEqual([]);
});

it('migrate prints the SQL, does it once, gives the rights back, and says so', async () => {
  const one = await made();
  const { run, asOwner, database } = one;
  const role = new URL(database.url).username;
  expect(await run('migrate', '--dry-run', '--exit-code')).toMatchObject({ code: 0 });
  await cluster().query(`grant delete on "events" to ${role}`, database.name);
  const planned = await run('migrate', '--dry-run', '--exit-code', ...asOwner);
  expect(planned).toMatchObject({ code: 1, stderr: '' });
  expect(planned.stdout).toContain(`revoke all on public."events" from "${role}";\n`);
  expect(await run('migrate', ...asOwner)).toEqual({
    ...fine,
    stdout: `The tables are those of this release.\n${role} was given the rights that a vault needs, and no other.\n`,
  });
  expect(await run('doctor')).toMatchObject({ stdout: 'Nothing is wrong.\n' });

  const empty = await operator();
  const config = join(tempDir(), 'strongroom.yaml');
  writeFileSync(
    config,
    readFileSync(one.config, 'utf8').replace(`/${database.name}"`, `/${empty.database.name}"`),
  );
  const sql = await strongroom(['migrate', '--dry-run', ...empty.asOwner, '--config', config]);
  expect(sql.stdout).toMatch(/^-- 0000_\w+\nCREATE TABLE "/);
  // It is SQL as it stands; the notes of what was applied are made when it is run.
  const notes = `create table "__drizzle_migrations" ("hash" text)`;
  await cluster().query(`begin; ${notes}; ${sql.stdout}; rollback`, empty.database.name);
  const file = join(tempDir(), 'strongroom.yaml');
  writeFileSync(file, readFileSync(config, 'utf8').replace(/^store:.*$/m, 'store: { url: "sqlite:x.db" }'));
  expect(await strongroom(['migrate', '--config', file])).toEqual({
    ...fine,
    stdout: 'The store is a SQLite file: serve migrates it when it opens it.\n',
  });
});

it('serves what the next release has expanded, and refuses what it cannot serve', async () => {
  const one = await made();
  const alter = (sql: string) => cluster().query(sql, one.database.name);
  const next = '"__drizzle_migrations" ("hash", "created_at") values (\'0099_next\', 99999999999999)';
  await alter(
    `alter table "values" add column "more" text not null default ''; alter table "head" add column "more" bigint;
     create table "followers_of_next" (id int); insert into ${next}`,
  );
  const served = await serveProcess(one.config);
  expect(await readyz(served.url)).toBe(200);
  expect(await one.run('clients', 'add', 'a', '--grant', 'tokenise:customer-pan')).toMatchObject({ code: 0 });
  expect(await one.run('audit', 'verify')).toMatchObject(fine);
  expect(await one.run('migrate', ...one.asOwner)).toEqual(refused(/a later release has migrated the store/));
  await served.stop();
  await alter('alter table "values" add column "asked" text not null');
  expect(await one.run('serve')).toEqual(refused(/cannot serve the tables: values\."asked" must be given/));
  await alter('alter table "values" drop column "asked"; alter table "values" drop column "creator"');
  expect(await one.run('serve')).toEqual(refused(/cannot serve the tables: values\."creator" is missing/));
  await alter('delete from "__drizzle_migrations"');
  expect(await one.run('serve')).toEqual(refused(/an earlier release: run strongroom migrate/));
});

it('a replica whose file says another policy is not ready, says why, and comes back by itself', async () => {
  const one = await made();
  const text = readFileSync(one.config, 'utf8');
  const other = join(one.dir, 'other.yaml');
  writeFileSync(other, text.replace('purposes:\n', 'purposes:\n  fraud: { basis: legitimate-interests }\n'));
  const [old, next] = [await serveProcess(one.config), await serveProcess(other)];
  expect([await readyz(old.url), await readyz(next.url)]).toEqual([200, 503]);
  await expect
    .poll(() => next.output().stderr, LATER)
    .toContain(
      'Not ready: policy 1 is active, and the file of this process says another. Its log says more.\n',
    );
  const [warning] = next
    .output()
    .stdout.split('\n')
    .filter((line) => line.includes('"kind":"policy"'));
  expect(JSON.parse(warning ?? '{}')).toMatchObject({
    active: 1,
    file: ['purpose fraud is new: basis legitimate-interests'],
  });
  const apply = ['policy', 'apply', '--config'];
  expect(await strongroom([...apply, other])).toMatchObject({ code: 0 });
  expect([await readyz(old.url), await readyz(next.url)]).toEqual([503, 200]);
  expect(await strongroom([...apply, one.config])).toMatchObject({ code: 0 });
  expect([await readyz(old.url), await readyz(next.url)]).toEqual([200, 503]);
  const { stdout } = await old.stop();
  // Once for each policy that was active meanwhile.
  expect(stdout.split('\n').filter((line) => line.includes('"kind":"policy"'))).toHaveLength(1);
});

it('warns at its start of a role that may do more than it needs', async () => {
  const one = await made();
  await cluster().query(
    `grant delete on "events" to ${new URL(one.database.url).username}`,
    one.database.name,
  );
  const served = await serveProcess(one.config);
  await expect
    .poll(() => served.output().stderr, LATER)
    .toMatch(/^Warning: the role \S+ may do more than a vault needs \(delete on events\)/m);
});
