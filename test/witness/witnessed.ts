import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { signCheckpoint } from '../../src/log/checkpoint.ts';
import type { Signer } from '../../src/log/note.ts';
import { leafHash } from '../../src/log/tree.ts';
import { verifierOf } from '../../src/log/verifier.ts';
import { encodeAddCheckpoint } from '../../src/log/witness.ts';
import { tempDir } from '../harness.ts';
import { consistencySlowly, rootSlowly } from '../log/slow-tree.ts';
import { type Served, startWitness, strongroom } from '../served.ts';

/** A log for a witness to see, and another history of it from its tenth entry on. */

export const signerOf = (origin: string, seed: number): Signer => {
  const key = ed25519(new Secret(new Uint8Array(32).fill(seed)));
  return { verifier: verifierOf(origin, key.publicKey), sign: key.sign };
};

/** Two histories with the same first entries. */
export type History = 'honest' | 'forked';
const SHARED = 10;

export interface TestLog {
  readonly origin: string;
  /** Its verifier key. */
  readonly key: string;
  readonly checkpoint: (size: number, history?: History) => string;
  readonly rootOf: (size: number, history?: History) => Uint8Array;
  readonly proof: (from: number, to: number, history?: History) => readonly Uint8Array[];
  /** The body of add-checkpoint. */
  readonly request: (from: number, to: number, history?: History) => string;
}

export function testLog(origin: string, seed = 1, most = 400): TestLog {
  const signer = signerOf(origin, seed);
  const leavesOf = (history: History): Uint8Array[] =>
    Array.from({ length: most }, (_, i) =>
      leafHash(Buffer.from(i < SHARED ? `entry ${i}` : `${history} ${i}`)),
    );
  const leaves = { honest: leavesOf('honest'), forked: leavesOf('forked') };
  const rootOf: TestLog['rootOf'] = (size, history = 'honest') => rootSlowly(leaves[history].slice(0, size));
  const checkpoint: TestLog['checkpoint'] = (size, history) =>
    signCheckpoint({ origin, size, root: rootOf(size, history) }, signer);
  const proof: TestLog['proof'] = (from, to, history = 'honest') =>
    from === 0 || from >= to ? [] : consistencySlowly(from, leaves[history].slice(0, to));
  return {
    origin,
    key: signer.verifier.text,
    checkpoint,
    rootOf,
    proof,
    request: (from, to, history) =>
      encodeAddCheckpoint(from, proof(from, to, history), checkpoint(to, history)),
  };
}

/** A witness as `strongroom witness init` makes one. */
export interface MadeWitness {
  readonly dir: string;
  /** Its verifier key. */
  readonly key: string;
}

/** @param logs verifier keys that it trusts */
export async function madeWitness(...logs: readonly string[]): Promise<MadeWitness> {
  const dir = join(tempDir(), 'witness');
  const made = await strongroom(['witness', 'init', '--dir', dir, '--name', 'auditor.example/w1']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const config = join(dir, 'witness.yaml');
  writeFileSync(config, readFileSync(config, 'utf8').replace('port: 7430', 'port: 0'));
  for (const key of logs) expect((await strongroom(['witness', 'trust', key, '--dir', dir])).code).toBe(0);
  return { dir, key: made.stdout.trim() };
}

/** Serves it until the test is over. */
export async function servedWitness({ dir }: MadeWitness): Promise<Served> {
  const served = await startWitness(dir);
  onTestFinished(async () => {
    await served.stop('SIGKILL');
  });
  return served;
}

export interface WitnessAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

/** POSTs what is no request of a client of ours, byte for byte. */
export const submit = (
  url: string,
  body: string | Uint8Array,
  method = 'POST',
  path = '/add-checkpoint',
): Promise<WitnessAnswer> =>
  new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('close', () => {
        if (!answer.complete) return reject(new Error('the answer ends in the middle'));
        const { statusCode = 0, headers } = answer;
        return resolve({
          status: statusCode,
          type: headers['content-type'],
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
