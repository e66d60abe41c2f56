import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

// Plants offences, one a line, in a tree of its own under our .oxlintrc.json, and looks for each in what the
// linter says.

const project = join(import.meta.dirname, '..');
const imports = 'eslint(no-restricted-imports)';
const globals = 'eslint(no-restricted-globals)';
const properties = 'eslint(no-restricted-properties)';

/** What each folder must not import, from the folder itself; and imports that it needs. */
const rooms = {
  'src/crypto': {
    forbidden: [
      '../vault/store.ts',
      '../formats/pan.ts',
      'zod',
      'node:fs',
      '@noble/hashes/utils.js',
      'crypto',
    ],
    allowed: ['@noble/ciphers/chacha.js', '@noble/hashes/sha2.js', './encoding.ts'],
  },
  'src/formats': {
    forbidden: ['../crypto/mac.ts', '../vault/store.ts', 'node:crypto', 'node:fs', 'hono'],
    allowed: ['zod', './luhn.ts'],
  },
  'src/log': {
    forbidden: ['../crypto/mac.ts', '../vault/store.ts', 'zod', 'node:fs'],
    allowed: ['./tree.ts'],
  },
  'src/disk': {
    forbidden: ['../vault/vault.ts', '../log/tree.ts', '../backup/tar.ts', 'node:path', 'node:crypto'],
    allowed: ['node:fs/promises', './durable.ts'],
  },
  'src/tiles': {
    forbidden: ['../vault/vault.ts', '../store/tables.ts', '../backup/tar.ts', 'zod', 'node:crypto'],
    allowed: ['../log/tile-path.ts', '../disk/durable.ts', 'node:fs/promises', 'node:path', './folder.ts'],
  },
  'src/wire': {
    forbidden: ['../vault/vault.ts', '../formats/pan.ts', '../http/app.ts', 'hono', 'node:crypto'],
    allowed: ['zod', './codes.ts'],
  },
  'src/vault': {
    forbidden: ['../store/tables.ts', '../masterkey/file.ts', '../http/app.ts', '../client/client.ts'],
    allowed: [
      '../crypto/cell.ts',
      '../formats/pan.ts',
      '../log/tree.ts',
      '../wire/codes.ts',
      './values/stored.ts',
    ],
  },
  'src/vault/values': {
    forbidden: ['../../store/tables.ts', '../../cli/program.ts', 'better-sqlite3', 'node:crypto', 'node:fs'],
    allowed: [
      '../access/clients.ts',
      '../commit/queue.ts',
      '../../crypto/cell.ts',
      './stored.ts',
      'zod',
      '../open.ts',
    ],
  },
  'src/vault/access': vaultPart(),
  'src/vault/custody': vaultPart(),
  'src/vault/policy': vaultPart(),
  'src/vault/commit': vaultPart(),
  'src/vault/audit': vaultPart(),
  'src/store': {
    forbidden: ['../http/app.ts', '../masterkey/file.ts', '../config/settings.ts', 'hono', 'node:crypto'],
    allowed: [
      '../vault/store.ts',
      '../crypto/mac.ts',
      'drizzle-orm/sqlite-core',
      'better-sqlite3',
      'pg',
      'node:fs',
    ],
  },
  'src/masterkey': {
    forbidden: [
      '../store/sqlite.ts',
      '../cli/program.ts',
      'better-sqlite3',
      'node:crypto',
      'node:child_process',
    ],
    allowed: ['../vault/master-key.ts', '../crypto/key.ts', 'node:fs'],
  },
  'src/backup': {
    forbidden: [
      '../store/sqlite.ts',
      '../vault/vault.ts',
      '../masterkey/file.ts',
      'node:child_process',
      'tar',
    ],
    allowed: ['age-encryption', 'better-sqlite3', 'zod', 'node:fs', './tar.ts'],
  },
  'src/verifier': {
    forbidden: [
      '../vault/rows.ts',
      '../vault/audit/verify.ts',
      '../store/sqlite.ts',
      '../config/settings.ts',
      '../crypto/ed25519.ts',
      '../backup/tar.ts',
      'node:crypto',
      'zod',
    ],
    allowed: ['../log/tree.ts', 'better-sqlite3', 'pg', 'node:fs/promises', './source.ts'],
  },
  'src/anchors': {
    forbidden: [
      '../store/sqlite.ts',
      '../vault/vault.ts',
      '../backup/tar.ts',
      '../config/settings.ts',
      'node:net',
      'node:crypto',
    ],
    allowed: [
      '../vault/anchor.ts',
      '../log/tile-path.ts',
      'node:fs/promises',
      'node:https',
      'node:child_process',
    ],
  },
  'src/doctor': {
    forbidden: [
      '../store/sqlite.ts',
      '../masterkey/file.ts',
      '../cli/program.ts',
      '../config/settings.ts',
      'better-sqlite3',
      'node:child_process',
    ],
    allowed: ['../vault/examine.ts', 'node:fs', './finding.ts'],
  },
  'src/metrics': {
    forbidden: ['../http/app.ts', '../store/sqlite.ts', '../crypto/cell.ts', 'node:fs', 'hono', 'pino'],
    allowed: ['prom-client', '../vault/observer.ts', '../wire/routes.ts', './meter.ts'],
  },
  'src/http': {
    forbidden: [
      '../store/sqlite.ts',
      '../client/client.ts',
      '../crypto/cell.ts',
      'better-sqlite3',
      'node:fs',
    ],
    allowed: ['../vault/vault.ts', '../wire/routes.ts', 'hono', 'hono/http-exception'],
  },
  'src/witness': {
    forbidden: [
      '../vault/vault.ts',
      '../store/sqlite.ts',
      '../http/app.ts',
      '../config/witness.ts',
      '../wire/codes.ts',
      'node:crypto',
      'node:child_process',
    ],
    allowed: ['../log/witness.ts', '../crypto/ed25519.ts', 'better-sqlite3', 'hono', 'node:fs', './state.ts'],
  },
  'src/client': {
    forbidden: ['../http/app.ts', '../store/sqlite.ts', 'hono', 'node:fs', 'better-sqlite3'],
    allowed: ['../vault/vault.ts', '../wire/routes.ts'],
  },
  'src/cli': {
    forbidden: ['../store/sqlite.ts', '../client/client.ts', '../http/app.ts', 'better-sqlite3', 'node:fs'],
    allowed: ['../vault/vault.ts', 'commander', '../log/verify.ts'],
  },
  'src/config': {
    forbidden: ['../store/sqlite.ts', '../vault/vault.ts', '../http/app.ts', 'node:fs', 'hono'],
    allowed: ['yaml', 'zod', 'node:path', './yaml.ts'],
  },
};

function vaultPart() {
  return {
    forbidden: [
      '../values/tokenise.ts',
      '../../vault/values/stored.ts',
      '../../store/tables.ts',
      'drizzle-orm',
    ],
    allowed: ['../store.ts', '../commit/commit.ts', '../../crypto/mac.ts', '../../log/tree.ts', 'zod'],
  };
}

interface Offence {
  line: string;
  rule: string;
}

function offencesOf(room: string, { forbidden }: { forbidden: readonly string[] }): Offence[] {
  const top = `${'../'.repeat(room.split('/').length - 1)}open.ts`;
  const imported = [...forbidden, top, 'node:process'].flatMap((from, index) => [
    { line: `import { thing as static${index} } from '${from}';`, rule: imports },
    { line: `import type { Thing as Type${index} } from '${from}';`, rule: imports },
    { line: `export { thing as again${index} } from '${from}';`, rule: imports },
    { line: `export * from '${from}';`, rule: imports },
    { line: `import '${from}';`, rule: imports },
    { line: `export const dynamic${index} = await import('${from}');`, rule: imports },
    {
      line: `export type Inline${index} = import('${from}').Thing;`,
      rule: 'typescript(consistent-type-imports)',
    },
  ]);
  const reached = [
    { line: `export const a = process.env;`, rule: globals },
    { line: `export const b = globalThis;`, rule: globals },
    { line: `export const c = crypto.randomUUID();`, rule: globals },
    { line: `export const d = performance.now();`, rule: globals },
    { line: `console.log('x');`, rule: globals },
    { line: `export const e = Date.now();`, rule: properties },
    { line: `export const { now } = Date;`, rule: properties },
    { line: `export const f = Math.random();`, rule: properties },
    { line: `export const g = await import(String(1));`, rule: 'import(no-dynamic-require)' },
  ];
  const fetched = room === 'src/client' ? [] : [{ line: `export const h = fetch('/');`, rule: globals }];
  const named = Object.hasOwn(cryptoUsers, room) ? cryptoNames : [];
  return [...imported, ...reached, ...fetched, ...named];
}

const cryptoUsers = {
  'src/doctor': `export { X509Certificate } from 'node:crypto';`,
  'src/crypto': `export { createCipheriv, hkdfSync } from 'node:crypto';`,
  'src/log': `export { createHash, verify } from 'node:crypto';`,
  'src/backup': `export { createHash } from 'node:crypto';`,
};
const cryptoNames = [
  `import { randomBytes } from 'node:crypto';`,
  `import { createHash, randomUUID } from 'node:crypto';`,
  `import nodeCrypto from 'node:crypto';`,
  `import * as everything from 'node:crypto';`,
  `export { randomInt } from 'node:crypto';`,
  `export * from 'node:crypto';`,
  `import 'node:crypto';`,
].map((line) => ({ line, rule: imports }));

// These two see every room, but not the world that only main.ts touches.
function jointOffences(processRule: string): Offence[] {
  return [
    { line: `import { randomBytes } from 'node:crypto';`, rule: imports },
    { line: `import { randomUUID as id, type KeyObject } from 'node:crypto';`, rule: imports },
    { line: `import { env } from 'node:process';`, rule: imports },
    { line: `import { main } from './main.ts';`, rule: imports },
    { line: `export const a = process.env;`, rule: processRule },
    { line: `export const b = process.argv;`, rule: processRule },
    { line: `export const c = Date.now();`, rule: properties },
    { line: `export const d = Math.random();`, rule: properties },
    { line: `export const e = crypto.randomUUID();`, rule: globals },
    { line: `export const f = globalThis;`, rule: globals },
  ];
}

const styleOffences = [
  { line: `export const a: any = 1;`, rule: 'typescript(no-explicit-any)' },
  { line: `export const b = (y: string | null) => y!.length;`, rule: 'typescript(no-non-null-assertion)' },
  { line: `// @ts-expect-error: because it is late`, rule: 'typescript(ban-ts-comment)' },
  { line: `export default 1;`, rule: 'import(no-default-export)' },
];

const promiseRule = 'typescript(no-floating-promises)';
const thenable = 'query: { then(done: () => void, failed: () => void): void }';
const typedOffences = [
  { line: `export function a(${thenable}) { query; }`, rule: promiseRule },
  { line: `export function b(work: () => Promise<void>) { work(); }`, rule: promiseRule },
];

// What is copied from an example works where it is copied to.
function exampleOffences(folder: string): Offence[] {
  const other = folder === 'express' ? 'fastify' : 'express';
  return [
    `import { connect } from '../../src/client/client.ts';`,
    `import type { BoundVault } from '../../src/vault/bound.ts';`,
    `export { connect as again } from '../../dist/client/client.js';`,
    `import { newVault } from '../../test/harness.ts';`,
    `import { thing } from '../${other}/app.ts';`,
    `import { other } from '${other}';`,
    `import { pino } from 'pino';`,
    `export const dynamic = await import('hono');`,
  ].map((line) => ({ line, rule: imports }));
}

const EXAMPLES = {
  express: ['express', 'zod'],
  fastify: ['fastify'],
  batch: ['csv-parse', 'csv-stringify/sync'],
};

const offencesByFile: Record<string, Offence[]> = {
  ...Object.fromEntries(
    Object.entries(rooms).map(([room, needs]) => [`${room}/planted.ts`, offencesOf(room, needs)]),
  ),
  'src/open.ts': jointOffences(globals),
  'src/serve.ts': jointOffences(properties),
  'src/vault/style.ts': styleOffences,
  ...Object.fromEntries(
    Object.keys(EXAMPLES).map((folder) => [`examples/${folder}/planted.ts`, exampleOffences(folder)]),
  ),
};

const cleanFiles = {
  ...Object.fromEntries(
    Object.entries(rooms).map(([room, { allowed }]) => [
      `${room}/clean.ts`,
      allowed.map((from, index) => `export { thing as thing${index} } from '${from}';`),
    ]),
  ),
  ...Object.fromEntries(Object.entries(cryptoUsers).map(([room, line]) => [`${room}/named.ts`, [line]])),
  'src/client/fetched.ts': [`export const x = fetch('/');`],
  ...Object.fromEntries(
    Object.entries(EXAMPLES).map(([folder, libraries]) => [
      `examples/${folder}/clean.ts`,
      ['strongroom/client', './app.ts', 'node:fs', ...libraries].map(
        (from, index) => `export { thing as thing${index} } from '${from}';`,
      ),
    ]),
  ),
  'src/main.ts': [`export const x = [process.env, Date.now(), crypto.randomUUID()];`],
};

const label = z.object({ span: z.object({ line: z.int() }) });
const report = z.object({
  diagnostics: z.array(z.object({ code: z.string(), filename: z.string(), labels: z.array(label) })),
});

const trees: string[] = [];
afterAll(() => trees.forEach((folder) => rmSync(folder, { recursive: true })));

/** Lints the files, given as lines; answers `file:line rule` for each thing found. */
function lint(files: Record<string, string[]>, withTypes: 'with types' | 'without types'): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'floors-'));
  trees.push(folder);
  for (const [file, lines] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), lines.map((line) => `${line}\n`).join(''));
  }
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2023', types: [], noEmit: true };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  const config = z.looseObject({}).parse(JSON.parse(readFileSync(join(project, '.oxlintrc.json'), 'utf8')));
  const options = { typeAware: withTypes === 'with types' };
  writeFileSync(join(folder, '.oxlintrc.json'), JSON.stringify({ ...config, options }));
  const ran = spawnSync(join(project, 'node_modules/.bin/oxlint'), ['--deny-warnings', '--format', 'json'], {
    cwd: folder,
    env: { ...process.env, OXLINT_TSGOLINT_PATH: join(project, 'node_modules/.bin/tsgolint') },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 500_000,
  });
  const { diagnostics } = report.parse(JSON.parse(ran.stdout));
  expect(ran.status).toBe(diagnostics.length === 0 ? 0 : 1);
  return diagnostics.map(({ code, filename, labels }) => `${filename}:${labels[0]?.span.line} ${code}`);
}

function linesOf(offences: readonly Offence[]): string[] {
  return offences.map(({ line }) => line);
}

/** The offences that a lint did not find. */
function missed(file: string, offences: readonly Offence[], found: readonly string[]): Offence[] {
  return offences.filter(({ rule }, index) => !found.includes(`${file}:${index + 1} ${rule}`));
}

describe('the linter', () => {
  const lintAll = () =>
    lint(
      Object.fromEntries(Object.entries(offencesByFile).map(([file, list]) => [file, linesOf(list)])),
      'without types',
    );
  let found: string[];
  beforeAll(() => {
    found = lintAll();
  });

  test.each(Object.entries(offencesByFile))('finds every offence in %s', (file, offences) => {
    expect(offences.length).toBeGreaterThan(3);
    expect(missed(file, offences, found)).toEqual([]);
  });

  test('finds promises, and queries that only look like one, that nobody awaits', () => {
    const file = 'src/vault/floating.ts';
    const typed = lint({ [file]: linesOf(typedOffences) }, 'with types');
    expect(missed(file, typedOffences, typed)).toEqual([]);
  });

  test('has nothing to say about what each room needs', () => {
    expect(lint(cleanFiles, 'without types')).toEqual([]);
  });
});

describe('the source', () => {
  const files = execFileSync('find', ['src', '-name', '*.ts'], { cwd: project, encoding: 'utf8' })
    .trim()
    .split('\n');

  test('has no folder without a floor', () => {
    const folders = readdirSync(join(project, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `src/${name}`);
    expect(folders.filter((folder) => !Object.hasOwn(rooms, folder))).toEqual([]);
  });

  test('has no example of TypeScript without a floor', () => {
    const scripts = execFileSync('find', ['examples', '-name', '*.ts'], { cwd: project, encoding: 'utf8' });
    const folders = new Set(
      scripts
        .trim()
        .split('\n')
        .map((file) => file.split('/')[1]),
    );
    expect(folders).toEqual(new Set(Object.keys(EXAMPLES)));
  });

  test('has no file outside the rooms but the joints', () => {
    const joints = [
      'agreement',
      'archive-log',
      'config-file',
      'copy-rows',
      'copy-store',
      'debugging',
      'doctor-store',
      'doctor',
      'explain',
      'init',
      'key-file',
      'listen',
      'log-lines',
      'main',
      'make-backup',
      'make-bundle',
      'migrate',
      'open-anchors',
      'open',
      'ready',
      'recorded-start',
      'restore',
      'serve-metrics',
      'serve-witness',
      'serve',
      'starter',
      'store-file',
      'take-policy',
      'tls-files',
      'verify-log',
      'witness-files',
    ].map((name) => `src/${name}.ts`);
    expect(files.filter((file) => file.split('/').length === 2).toSorted()).toEqual(joints);
  });

  test('verifies a log by its key without anything of a vault', () => {
    const reached = new Set<string>();
    const reach = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      const text = readFileSync(join(project, file), 'utf8');
      for (const [, from = ''] of text.matchAll(/\bfrom '(\.[^']+)'/g)) reach(join(dirname(file), from));
    };
    reach('src/verify-log.ts');
    const roomsOf = new Set([...reached].map((file) => file.split('/').slice(1, -1).join('/')));
    expect(roomsOf).toEqual(new Set(['', 'backup', 'cli', 'config', 'log', 'verifier']));
    expect([...reached].filter((file) => /^src\/(?:backup|cli|config)\//.test(file)).toSorted()).toEqual([
      'src/backup/refused.ts',
      'src/backup/tar.ts',
      'src/cli/log-check.ts',
      'src/cli/refusal.ts',
      'src/config/address.ts',
      'src/config/file-path.ts',
      'src/config/store.ts',
    ]);
  });

  // The linter has no rule for these two: the clock read by `new Date()`, and a dynamic import of node:crypto.
  test.each([
    ['reads the clock through Date', /new Date\(\s*\)|new Date\b(?!\s*\()|(?<!new )\bDate\(/],
    ['imports dynamically', /\bimport\(/],
  ])('nothing but main.ts %s', (_, offence) => {
    const offenders = files.filter(
      (file) => file !== 'src/main.ts' && offence.test(readFileSync(join(project, file), 'utf8')),
    );
    expect(offenders).toEqual([]);
  });
});
