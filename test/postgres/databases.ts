import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type ClientConfig } from 'pg';

/** A database of its own, and the two roles that a vault knows it by. */
export interface Database {
  readonly name: string;
  /** `postgres://role:password@host:port/name` of the role that serves: it reads and writes rows and owns nothing. */
  readonly url: string;
  /** Of the role that owns the database and makes its tables. */
  readonly migrationUrl: string;
}

export type Row = Readonly<Record<string, unknown>>;

interface Role {
  readonly name: string;
  readonly password: string;
}

/** The same database, as it is reached through another port of this machine: a proxy's, a standby's. */
export const through = (database: Database, port: number): Database => ({
  name: database.name,
  url: urlWith(database.url, { port: String(port) }),
  migrationUrl: urlWith(database.migrationUrl, { port: String(port) }),
});

/**
 * The `store` of a strongroom.yaml for the role of a URL, as text; its password goes into a file of `dir`.
 *
 * @param more other keys of `store`: `connections: 4`
 */
export function storeText(url: string, dir: string, more = ''): string {
  const { password, username } = new URL(url);
  const file = `${username}.password`;
  writeFileSync(join(dir, file), `${password}\n`, { mode: 0o600 });
  const bare = Object.assign(new URL(url), { password: '' }).href;
  return `store: { url: "${bare}", password: { file: ${file} }${more === '' ? '' : `, ${more}`} }`;
}

/** Another part of a URL. */
export function urlWith(url: string, parts: Partial<Pick<URL, 'port' | 'hostname' | 'search'>>): string {
  return Object.assign(new URL(url), parts).href;
}

/** Databases made on one server by its administrator, with two roles that are made for them. */
export class Databases {
  readonly #admin: string;
  readonly #ssl: ClientConfig['ssl'];
  readonly #made: string[] = [];
  readonly #tag = randomBytes(4).toString('hex');
  #roles: { readonly runtime: Role; readonly migration: Role } | null = null;

  /** `admin` is the URL of a role that may make roles and databases. */
  constructor(admin: string, ssl?: ClientConfig['ssl']) {
    this.#admin = admin;
    this.#ssl = ssl;
  }

  /** Asks the server as its administrator; each question has a connection of its own. */
  async query(sql: string, database?: string): Promise<Row[]> {
    return this.session(async (ask) => ask(sql), database);
  }

  /** Questions on one connection. */
  async session<T>(
    work: (ask: (sql: string) => Promise<Row[]>) => Promise<T>,
    database?: string,
  ): Promise<T> {
    const address = database === undefined ? {} : { database };
    const client = new Client({ ...configOf(this.#admin), ...address, ssl: this.#ssl ?? false });
    // What breaks the connection fails the question that was under way, or the next one.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
    } finally {
      await client.end();
    }
  }

  /** A new, empty one. */
  async database(): Promise<Database> {
    this.#roles ??= await this.#makeRoles();
    const { runtime, migration } = this.#roles;
    const name = `vault_${this.#tag}_${this.#made.length + 1}`;
    this.#made.push(name);
    await this.query(`create database ${name} owner ${migration.name}`);
    await this.query(`revoke connect, temporary on database ${name} from public`);
    await this.query(`grant connect on database ${name} to ${runtime.name}`);
    // The one thing that the owner leaves to be arranged: rows of tables to come are the serving role's to write.
    for (const [rights, things] of [
      ['select, insert, update, delete', 'tables'],
      ['usage, select', 'sequences'],
    ])
      await this.query(
        `alter default privileges for role ${migration.name} grant ${rights} on ${things} to ${runtime.name}`,
        name,
      );
    return { name, url: this.#urlOf(runtime, name), migrationUrl: this.#urlOf(migration, name) };
  }

  /** Takes away everything that was made: for a server that goes on. */
  async drop(): Promise<void> {
    for (const name of this.#made.splice(0)) await this.query(`drop database if exists ${name} with (force)`);
    if (this.#roles === null) return;
    for (const { name } of Object.values(this.#roles)) await this.query(`drop role if exists ${name}`);
    this.#roles = null;
  }

  async #makeRoles() {
    const made = { runtime: this.#newRole('run'), migration: this.#newRole('migrate') };
    for (const { name, password } of Object.values(made))
      await this.query(`create role ${name} login password '${password}'`);
    return made;
  }

  #newRole(use: string): Role {
    return { name: `strongroom_${this.#tag}_${use}`, password: randomBytes(12).toString('hex') };
  }

  #urlOf({ name, password }: Role, database: string): string {
    const url = new URL(this.#admin);
    return Object.assign(url, { username: name, password, pathname: `/${database}` }).href;
  }
}

/** As `pg` would read it, but for its way with TLS, which is told apart. */
function configOf(url: string): ClientConfig {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: port === '' ? 5432 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1) || 'postgres',
  };
}
