import { resolve } from 'node:path';
import { z } from 'zod';
import { isLoopback } from './address.ts';
import { filePath } from './file-path.ts';

/** A place off the host that keeps what the log was. Every path is absolute. */
export type AnchorSettings = AnchorCommon &
  (
    | { readonly kind: 'directory'; readonly path: string; readonly entries: boolean }
    | {
        readonly kind: 'url';
        /** Ends with a slash. */
        readonly url: string;
        /** A file with the bearer token; null where the place asks for none. */
        readonly tokenFile: string | null;
        /** A PEM file of the authorities that may vouch for it; null for those that Node knows. */
        readonly ca: string | null;
        readonly entries: boolean;
      }
    | { readonly kind: 'command'; readonly program: string }
    | {
        readonly kind: 'witness';
        /** Ends with a slash. */
        readonly url: string;
        /** Of the witness, as C2SP writes a verifier key. */
        readonly key: string;
        readonly ca: string | null;
      }
  );

interface AnchorCommon {
  /** Of its own among them. */
  readonly name: string;
  /** Whether the vault is served only once this place was read back. */
  readonly required: boolean;
  /** At most one checkpoint in so many milliseconds. */
  readonly every: number;
}

const KINDS = ['directory', 'url', 'command', 'witness'] as const;
const MOST_ANCHORS = 16;
const EVERY = 60_000;

/** Keys that only some kinds have. */
const OWN = {
  entries: ['directory', 'url'],
  token: ['url'],
  ca: ['url', 'witness'],
  key: ['witness'],
} as const satisfies Record<string, readonly (typeof KINDS)[number][]>;

/** The schema of one of them. */
export const anchorSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/, 'must be 1 to 40 of a to z, 0 to 9 and -')
      .optional(),
    directory: filePath.optional(),
    url: z.string().optional(),
    command: z.string().optional(),
    witness: z.string().optional(),
    entries: z.boolean('must be true or false').optional(),
    token: z.strictObject({ file: filePath }).optional(),
    ca: filePath.optional(),
    key: z.string().optional(),
    required: z.boolean('must be true or false').default(true),
    every: z
      .string()
      .regex(/^(?:[1-9]|[1-5]\d)[sm]$/, 'must be 1 to 59 and s or m, as 30s')
      .optional(),
  })
  .check(({ value, issues }) => {
    const refuse = (key: string | null, message: string): void =>
      void issues.push({ code: 'custom', message, path: key === null ? [] : [key], input: null });
    const kinds = KINDS.filter((kind) => value[kind] !== undefined);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1)
      return refuse(kinds[1] ?? null, `must be one of ${KINDS.join(', ')}`);
    for (const [key, its] of Object.entries(OWN))
      if (value[key as keyof typeof OWN] !== undefined && !its.some((one) => one === kind))
        refuse(key, `is for an anchor with ${its.join(' or ')}`);
    if (value.command !== undefined && !/^\/[^\0]*[^\0/]$/.test(value.command))
      refuse('command', 'must be the path of a program from the root on, as /usr/local/bin/keep-checkpoint');
    for (const at of ['url', 'witness'] as const) {
      const fault = value[at] === undefined ? null : urlFault(value[at]);
      if (fault !== null) refuse(at, fault);
    }
    if (kind === 'witness' && value.key === undefined)
      refuse(null, 'a witness needs its verifier key, as key: NAME+ID+KEY');
    if (value.key !== undefined && !/^[^\s+]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$/.test(value.key))
      refuse('key', 'must be a verifier key, as NAME+ID+KEY');
  });

/** The schema of `anchors`. What is wrong with a URL is told without repeating it: a token may stand in it. */
export const anchorsSchema = z
  .array(anchorSchema)
  .max(MOST_ANCHORS, `at most ${MOST_ANCHORS}`)
  .check(({ value, issues }) => {
    const names = value.map(nameOf);
    for (const [i, name] of names.entries())
      if (names.indexOf(name) < i)
        issues.push({
          code: 'custom',
          message: `another anchor is called ${name}: give each a name of its own`,
          path: [i, value[i]?.name === undefined ? (kindOf(value[i]) ?? 'name') : 'name'],
          input: null,
        });
  });

type Entry = z.infer<typeof anchorSchema>;

const kindOf = (one: Entry | undefined): (typeof KINDS)[number] | undefined =>
  KINDS.find((kind) => one?.[kind] !== undefined);

const nameOf = (one: Entry): string => one.name ?? kindOf(one) ?? '';

/** @param parsed what the schema took */
export const anchorSettings = (parsed: readonly Entry[], baseDir: string): AnchorSettings[] =>
  parsed.map((one) => {
    const at = (relative: string | undefined) => (relative === undefined ? null : resolve(baseDir, relative));
    const common = { name: nameOf(one), required: one.required, every: everyOf(one.every) };
    const entries = one.entries ?? false;
    if (one.directory !== undefined)
      return { ...common, kind: 'directory', path: resolve(baseDir, one.directory), entries };
    if (one.url !== undefined) {
      const tokenFile = at(one.token?.file);
      return { ...common, kind: 'url', url: withSlash(one.url), tokenFile, ca: at(one.ca), entries };
    }
    if (one.command !== undefined) return { ...common, kind: 'command', program: one.command };
    const { witness = '', key = '', ca } = one;
    return { ...common, kind: 'witness', url: withSlash(witness), key, ca: at(ca) };
  });

const everyOf = (text: string | undefined): number =>
  text === undefined ? EVERY : Number(text.slice(0, -1)) * (text.endsWith('m') ? 60_000 : 1000);

const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);

function urlFault(text: string): string | null {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return 'must be https://HOST/PATH';
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '' || search !== '' || hash !== '')
    return 'must be https://HOST/PATH and nothing more: give a token with token {file}';
  if (protocol === 'http:' && !isLoopback(hostname.replace(/^\[(.*)\]$/, '$1')))
    return 'off loopback, what is kept there could be changed on its way: must be https://';
  return null;
}
