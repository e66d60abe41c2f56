import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { tempDir } from '../harness.ts';
import { type Finished, strongroom } from '../served.ts';

/** A vault as `strongroom init` makes one, and commands on it. */
export interface Made {
  readonly dir: string;
  readonly config: string;
  /** What init printed. */
  readonly said: string;
  /** Where each file stands. */
  readonly at: (name: string) => string;
  /** Runs a command on the host, against the store. */
  readonly run: (...argv: readonly string[]) => Promise<Finished>;
  /** Adds a client on the host and writes its API key to a file. */
  readonly add: (name: string, ...options: readonly string[]) => Promise<{ key: string; keyFile: string }>;
}

export async function made(...options: readonly string[]): Promise<Made> {
  const dir = tempDir();
  const finished = await strongroom(['init', '--dir', dir, ...options]);
  expect(finished).toMatchObject({ code: 0, stderr: '' });
  const at = (name: string): string => join(dir, name);
  const config = at('strongroom.yaml');
  // Another process of this machine may have the usual one.
  writeFileSync(config, readFileSync(config, 'utf8').replace('port: 7420', 'port: 0'));
  const run: Made['run'] = (...argv) => strongroom([...argv, '--config', config]);
  return {
    dir,
    config,
    said: finished.stdout,
    at,
    run,
    add: async (name, ...more) => {
      const { code, stdout } = await run('clients', 'add', name, ...more);
      expect(code).toBe(0);
      const key = stdout.trim();
      const keyFile = at(`${name}.key`);
      writeFileSync(keyFile, `${key}\n`, { mode: 0o600 });
      return { key, keyFile };
    },
  };
}
