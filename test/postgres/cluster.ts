import { randomBytes } from 'node:crypto';
import { chownSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Issued, issue } from './authority.ts';
import { type Database, Databases, type Row } from './databases.ts';
import { initialise, LOOPBACK, type ServerSettings } from './data-folder.ts';
import { Postmaster, type StopMode } from './postmaster.ts';
import { IDENTITY } from './identity.ts';
import { copyForStandby } from './standby.ts';
import { type Watchdog, watchdogOver } from './watchdog.ts';

/**
 * Real PostgreSQL servers for tests. They are as durable as a server is that nobody has tuned: fsync, full page writes
 * and synchronous commit are on. A cluster ends with `end`, or with the process that started it.
 */

export interface ClusterOptions {
  /** Of postgresql.conf. */
  readonly settings?: ServerSettings;
  /** With TLS, and then only with it; the certificate is for 127.0.0.1 and localhost, or for another host. */
  readonly tls?: 'right-host' | 'wrong-host';
  /** Where its files go; the system's temporary folder when not told. */
  readonly parent?: string;
  /** What the server's process is told beside its settings. */
  readonly env?: NodeJS.ProcessEnv;
}

const NAMES = {
  'right-host': 'IP:127.0.0.1,IP:0.0.0.0,DNS:localhost',
  'wrong-host': 'DNS:elsewhere.example,IP:192.0.2.1',
};

interface Parts {
  readonly folder: string;
  readonly watchdog: Watchdog;
  readonly postmaster: Postmaster;
  readonly data: string;
  readonly password: string;
  readonly issued: Issued | null;
}

/** Makes a data folder and starts a server over it, on a port of 127.0.0.1 that the system chose. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { folder, watchdog } = newFolder(options.parent);
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const issued = options.tls === undefined ? null : issue(folder, NAMES[options.tls]);
  initialise({ folder, data, password, issued, settings: options.settings ?? {} });
  return begun({
    folder,
    watchdog,
    postmaster: new Postmaster(data, watchdog, options.env),
    data,
    password,
    issued,
  });
}

function newFolder(parent = tmpdir()): { readonly folder: string; readonly watchdog: Watchdog } {
  const folder = mkdtempSync(join(parent, 'strongroom-postgres-'));
  if (IDENTITY.uid !== undefined) chownSync(folder, IDENTITY.uid, IDENTITY.gid ?? IDENTITY.uid);
  return { folder, watchdog: watchdogOver(folder) };
}

async function begun(parts: Parts): Promise<Cluster> {
  try {
    await parts.postmaster.start();
  } catch (error) {
    await parts.watchdog.release();
    throw error;
  }
  return new Cluster(parts);
}

export class Cluster {
  readonly #parts: Parts;
  readonly #databases: Databases;
  readonly #standbys: Cluster[] = [];
  /** The superuser's. */
  readonly adminUrl: string;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { postmaster, password, issued } = parts;
    const ssl =
      issued === null ? undefined : { ca: readFileSync(issued.ca), checkServerIdentity: () => undefined };
    this.adminUrl = `postgres://postgres:${password}@${LOOPBACK}:${postmaster.port}/postgres`;
    this.#databases = new Databases(this.adminUrl, ssl);
  }

  get port(): number {
    return this.#parts.postmaster.port;
  }

  /** The postmaster's, or null while it is down. */
  get pid(): number | null {
    return this.#parts.postmaster.pid;
  }

  /** Everything that is on disk, and nothing else. */
  get folder(): string {
    return this.#parts.folder;
  }

  get log(): string {
    return this.#parts.postmaster.log;
  }

  /** The certificate of the authority, as a PEM file; null without TLS. */
  get ca(): string | null {
    return this.#parts.issued?.ca ?? null;
  }

  database(): Promise<Database> {
    return this.#databases.database();
  }

  /** Asks as the superuser. */
  query(sql: string, database?: string): Promise<Row[]> {
    return this.#databases.query(sql, database);
  }

  /** Asks as the superuser, several things on one connection. */
  session<T>(work: (ask: (sql: string) => Promise<Row[]>) => Promise<T>, database?: string): Promise<T> {
    return this.#databases.session(work, database);
  }

  /** ALTER SYSTEM and a reload; answers when new connections have them, and whoever else acts on them. */
  async alter(settings: ServerSettings): Promise<void> {
    for (const [name, value] of Object.entries(settings))
      await this.query(`alter system set ${name} = '${value}'`);
    await this.query('select pg_reload_conf()');
    for (const [name, value] of Object.entries(settings))
      await this.#until(`select current_setting('${name}') = '${value}' as so`);
    // Whether commits wait for a standby, the checkpointer tells the others: it has read the settings once it has made one.
    await this.query('checkpoint');
  }

  kill(): Promise<void> {
    return this.#parts.postmaster.kill();
  }

  stop(mode: StopMode): Promise<void> {
    return this.#parts.postmaster.stop(mode);
  }

  /** Again, on the same port and the same data. */
  start(): Promise<void> {
    return this.#parts.postmaster.start();
  }

  /** Another server that follows this one; when synchronous, every commit here waits for its disk. */
  async standby(options: { readonly name: string; readonly synchronous: boolean }): Promise<Cluster> {
    const { folder, watchdog } = newFolder();
    const data = join(folder, 'data');
    const primary = { data: this.#parts.data, port: this.port, password: this.#parts.password };
    await this.session((ask) => copyForStandby(ask, primary, { data, name: options.name }));
    const postmaster = new Postmaster(data, watchdog);
    const standby = await begun({ ...this.#parts, folder, watchdog, postmaster, data });
    this.#standbys.push(standby);
    const seen = `from pg_stat_replication where application_name = '${options.name}'`;
    if (options.synchronous) await this.alter({ synchronous_standby_names: `FIRST 1 (${options.name})` });
    await this.#until(
      `select exists (select ${seen} and state = 'streaming' and sync_state = '${options.synchronous ? 'sync' : 'async'}') as so`,
    );
    return standby;
  }

  /** Makes a standby take writes; answers when it does. */
  async promote(): Promise<void> {
    await this.query('select pg_promote(true, 60)');
    await this.#until('select not pg_is_in_recovery() as so');
  }

  /** For good, its standbys too; nothing is left of them. */
  async end(): Promise<void> {
    for (const standby of this.#standbys.splice(0)) await standby.end();
    await this.stop('immediate');
    await this.#parts.watchdog.release();
  }

  async #until(question: string): Promise<void> {
    for (let attempt = 1; attempt <= 600; attempt++) {
      const [row] = await this.query(question);
      if (row?.['so'] === true) return;
      await pause(50);
    }
    throw new Error(`it never came to be so: ${question}`);
  }
}
