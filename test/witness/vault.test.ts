import { appendFileSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { openNote } from '../../src/log/note.ts';
import { parseVerifier } from '../../src/log/verifier.ts';
import { made, type Made } from '../cli/made.ts';
import { startServe, type Served, strongroom } from '../served.ts';
import { madeWitness, type MadeWitness, servedWitness } from './witnessed.ts';

/** A vault and the witness of its log, as two people run them. */

/** A vault whose log the witness knows, and which names it. */
async function witnessedVault(witness: MadeWitness, url: string): Promise<Made> {
  const vault = await made();
  const key = (await vault.run('audit', 'key')).stdout.trim();
  expect((await strongroom(['witness', 'trust', key, '--dir', witness.dir])).code).toBe(0);
  appendFileSync(vault.config, `\nanchors: [{ witness: "${url}", key: "${witness.key}", every: 1s }]\n`);
  return vault;
}

async function served(vault: Made): Promise<Served> {
  const process = await startServe(vault.config);
  onTestFinished(async () => {
    await process.stop('SIGKILL');
  });
  return process;
}

async function seenBy({ dir }: MadeWitness): Promise<number> {
  const { stdout } = await strongroom(['witness', 'show', '--json', '--dir', dir]);
  const { logs } = JSON.parse(stdout) as {
    readonly logs: readonly { readonly newest: { size: number } | null }[];
  };
  return logs[0]?.newest?.size ?? 0;
}

async function untilSeen(witness: MadeWitness, more: number): Promise<number> {
  for (;;) {
    const size = await seenBy(witness);
    if (size > more) return size;
    await pause(200);
  }
}

it('is cosigned while it is served, and not served once it was put back', async () => {
  const witness = await madeWitness();
  const { url } = await servedWitness(witness);
  const vault = await witnessedVault(witness, url);
  const first = await served(vault);
  const older = await untilSeen(witness, 0);
  await first.stop();

  const data = vault.at('data');
  const aside = join(vault.dir, 'backup');
  cpSync(data, aside, { recursive: true });
  const second = await served(vault);
  await vault.add('one', '--grant', 'tokenise:customer-pan');
  await vault.add('two', '--grant', 'tokenise:customer-pan');
  // One stop, one start and two clients are in it; and it is read once nobody brings more.
  await untilSeen(witness, older + 3);
  const signed = await vault.run('audit', 'checkpoint', '--cosigned');
  const keys = [(await vault.run('audit', 'key')).stdout.trim(), witness.key].map(parseVerifier);
  expect(openNote(Buffer.from(signed.stdout), keys).by.map(({ text }) => text)).toEqual(
    keys.map(({ text }) => text),
  );
  await second.stop();
  const newer = await seenBy(witness);

  rmSync(data, { recursive: true });
  cpSync(aside, data, { recursive: true });
  const refused = await strongroom(['serve', '--config', vault.config]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    new RegExp(
      `the anchor witness keeps a checkpoint of ${newer} events, and the log of this store has \\d+`,
    ),
  );
  // Grown again on the host past what the witness has seen, it is another log.
  for (let i = 0; i < newer; i++) await vault.run('audit', 'key');
  await expect(served(vault)).rejects.toThrow('serve ended with 1');
  expect(await seenBy(witness)).toBe(newer);

  // The operator says why, and the auditor lets go what he saw.
  const origin = (await vault.run('audit', 'key')).stdout.split('+')[0] ?? '';
  const forget = ['witness', 'forget', origin, '--reason', 'restored', '--dir', witness.dir];
  expect(await strongroom(forget)).toMatchObject({ code: 0 });
  const third = await served(vault);
  expect(await untilSeen(witness, 0)).toBeGreaterThan(0);
  await third.stop();
  // Some forty processes, one after another.
}, 600_000);

it('is not served where its witness does not know it', async () => {
  const witness = await madeWitness();
  const { url } = await servedWitness(witness);
  const vault = await made();
  appendFileSync(vault.config, `\nanchors: [{ witness: "${url}", key: "${witness.key}" }]\n`);
  const refused = await strongroom(['serve', '--config', vault.config]);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toContain('the witness does not know this log: its operator adds the key');
});
