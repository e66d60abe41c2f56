import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type Made, made } from '../cli/made.ts';
import { PROJECT, textOf } from '../docs/documents.ts';
import { newVault, tempDir } from '../harness.ts';
import { listening, type Served } from '../http/listening.ts';
import { serveProcess } from '../process.ts';

/** The examples as their readers run them: processes of their own, against a vault behind a real listener. */

const POLICY_FILE = join(PROJECT, 'examples/strongroom.yaml');

/** What examples/README.md makes, on a port of its own, served by `strongroom serve`. */
export async function pastedVault(): Promise<Made & { readonly url: string }> {
  const vault = await made();
  copyFileSync(POLICY_FILE, vault.config);
  const settings = readFileSync(vault.config, 'utf8');
  expect(settings).toContain('port: 7420');
  writeFileSync(vault.config, settings.replace('port: 7420', 'port: 0'));
  const { url } = await serveProcess(vault.config);
  return { ...vault, url };
}

export interface ExamplesVault extends Served {
  /** Adds a client with a role of the examples' policy, and writes its API key to a file. */
  readonly client: (role: string) => Promise<{ name: string; key: string; keyFile: string }>;
  /** Tokens that it ever issued, erased ones too; after `audit verify` found nothing wrong. */
  readonly issued: () => Promise<number>;
}

/** A vault under the examples' policy. */
export async function examplesVault(): Promise<ExamplesVault> {
  const file = readFileSync(POLICY_FILE, 'utf8');
  const served = await listening(newVault(file.slice(file.indexOf('purposes:'))));
  return {
    ...served,
    client: async (role) => {
      const { name, key } = await served.open.add([`role:${role}`]);
      const keyFile = join(tempDir(), 'api.key');
      writeFileSync(keyFile, `${key}\n`, { mode: 0o600 });
      return { name, key, keyFile };
    },
    issued: async () => {
      const { ok, rows } = await served.open.host.audit.verify();
      expect(ok).toBe(true);
      return rows;
    },
  };
}

/** A process of an example. */
export interface Running {
  readonly child: ChildProcess;
  /** All that it has printed so far, on both of its streams. */
  readonly printed: () => string;
  readonly ended: Promise<number | null>;
  /** Tells it to stop, and gives back all that it has printed once it has. */
  readonly stop: () => Promise<{ readonly code: number | null; readonly printed: string }>;
}

/** Starts a program in the project's folder; killed after the test, whatever became of it. */
export function start(command: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(command, argv, { cwd: PROJECT, env: { ...process.env, ...env }, stdio: 'pipe' });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const stop: Running['stop'] = async () => {
    child.kill('SIGTERM');
    return { code: await ended, printed: text };
  };
  return { child, printed: () => text, ended, stop };
}

/** Starts an example of TypeScript. */
export const startScript = (
  script: string,
  env: NodeJS.ProcessEnv = {},
  argv: readonly string[] = [],
): Running => start(process.execPath, ['--import', 'tsx', script, ...argv], env);

/** Waits until a program has printed this, and gives back what stands in its first group. */
export function until({ child, printed, ended }: Running, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const found = pattern.exec(printed());
      if (found !== null) resolve(found[1] ?? '');
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    void ended.then((code) => reject(new Error(`ended with ${code}: ${printed()}`)));
    look();
  });
}

/** A service of an example, and where it listens. */
export async function startService(
  script: string,
  env: NodeJS.ProcessEnv,
): Promise<Running & { url: string }> {
  const running = startScript(script, { PORT: '0', ...env });
  const port = await until(running, /(?:"port":|listening at http:\/\/127\.0\.0\.1:)(\d+)/);
  return { ...running, url: `http://127.0.0.1:${port}` };
}

/** The blocks of a page that a reader pastes: each `$` line, and what they print together. */
export function transcripts(page: string): { readonly lines: readonly string[]; readonly output: string }[] {
  const blocks = textOf(page).split('```console\n').slice(1);
  return blocks.map((block) => {
    const lines = (block.split('```')[0] ?? '').trim().split('\n');
    return {
      lines: lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2)),
      output: lines.filter((line) => !line.startsWith('$ ')).join('\n'),
    };
  });
}

/**
 * Runs lines of a page in the project's folder, with what is where in this test put in place of what the page says, and
 * gives back what they print. Some of them fail, as the page says: no status is looked at.
 */
export function paste(lines: readonly string[], here: Readonly<Record<string, string>>): string {
  const script = Object.entries({ 'npx strongroom': `${process.execPath} dist/main.js`, ...here }).reduce(
    (text, [said, is]) => text.replaceAll(said, is),
    lines.join('\n'),
  );
  return spawnSync('bash', ['-c', script], { cwd: PROJECT, encoding: 'utf8' }).stdout.trim();
}

/** That none of these stands in a text, plain or as bytes tend to be written down. */
export function expectFree(text: string, values: readonly string[]): void {
  for (const value of values) {
    const bytes = Buffer.from(value);
    const base64 = bytes.toString('base64').replace(/=+$/, '').slice(0, -1);
    for (const form of [value, encodeURIComponent(value), bytes.toString('hex'), base64])
      if (text.includes(form)) expect.fail(`a value stands in: ${text.slice(0, 2000)}`);
  }
}
