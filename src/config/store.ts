import { resolve } from 'node:path';
import { z } from 'zod';
import { isLoopback } from './address.ts';
import { filePath } from './file-path.ts';

/** Where the vault is stored. Every path is absolute. */
export type StoreSettings = { engine: 'sqlite'; path: string } | PostgresSettings;

export interface PostgresSettings {
  engine: 'postgres';
  host: string;
  port: number;
  user: string;
  database: string;
  /** A file with the password of the user; null where the server asks for none. */
  passwordFile: string | null;
  /** TLS, with the server's certificate held against its name: always off loopback. */
  tls: boolean;
  /** A PEM file of the authorities that may vouch for the server; null for those that Node knows. */
  ca: string | null;
  /** At most so many at a time. */
  connections: number;
}

/** The schema of `store`. What is wrong with a URL is told without repeating it: a password may stand in it. */
export const storeSchema = z
  .strictObject({
    url: z.string(),
    password: z.strictObject({ file: filePath }).optional(),
    ca: filePath.optional(),
    connections: z
      .int('must be a whole number')
      .min(2, 'must be 2 to 200')
      .max(200, 'must be 2 to 200')
      .optional(),
  })
  .check(({ value, issues }) => {
    const refuse = (key: string, message: string) =>
      issues.push({ code: 'custom', message, path: [key], input: null });
    if (!/^postgres(?:ql)?:/.test(value.url)) {
      const fault = sqliteFault(value.url);
      if (fault !== null) refuse('url', fault);
      for (const key of ['password', 'ca', 'connections'] as const)
        if (value[key] !== undefined) refuse(key, 'is for a store on PostgreSQL');
      return;
    }
    const read = postgresPlace(value.url);
    if (typeof read === 'string') refuse('url', read);
  });

/** @param parsed what the schema took */
export function storeSettings(parsed: z.infer<typeof storeSchema>, baseDir: string): StoreSettings {
  const at = (relative: string) => resolve(baseDir, relative);
  const place = postgresPlace(parsed.url);
  if (typeof place === 'string') return { engine: 'sqlite', path: at(parsed.url.slice('sqlite:'.length)) };
  const { password, ca, connections = 10 } = parsed;
  return {
    engine: 'postgres',
    ...place,
    passwordFile: password === undefined ? null : at(password.file),
    tls: ca !== undefined || !isLoopback(place.host),
    ca: ca === undefined ? null : at(ca),
    connections,
  };
}

function sqliteFault(url: string): string | null {
  if (!url.startsWith('sqlite:'))
    return 'must be sqlite:PATH, as sqlite:data/strongroom.db, or postgres://USER@HOST/DATABASE';
  // SQLite reads an empty name or one with a leading colon as a database that is gone on exit.
  return /^sqlite:[^:\0?][^\0?]*$/.test(url) ? null : 'must name a file after sqlite:';
}

type Place = Pick<PostgresSettings, 'host' | 'port' | 'user' | 'database'>;

/** Reads `postgres://USER@HOST[:PORT]/DATABASE`, or says what is wrong with it. */
function postgresPlace(url: string): Place | string {
  const form = 'must be postgres://USER@HOST[:PORT]/DATABASE';
  if (!/^postgres(?:ql)?:\/\/[\x21-\x7e]+$/.test(url) || !URL.canParse(url)) return form;
  const { username, password, hostname, port, pathname, search, hash } = new URL(url);
  if (password !== '') return 'must hold no password: give store.password {file}';
  if (search !== '' || hash !== '') return `${form}: TLS and the rest are keys of store`;
  const [user, database] = [decoded(username), decoded(pathname.slice(1))];
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (user === null || database === null || !/^[A-Za-z0-9.:-]{1,253}$/.test(host)) return form;
  return { host, port: port === '' ? 5432 : Number(port), user, database };
}

/** A name out of a URL; null for one that PostgreSQL would not have. */
function decoded(text: string): string | null {
  try {
    const name = decodeURIComponent(text);
    return /^[^\0/]{1,63}$/u.test(name) ? name : null;
  } catch {
    return null;
  }
}
