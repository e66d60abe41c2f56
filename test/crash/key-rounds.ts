import { expect } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { openCheckpoint } from '../../src/log/checkpoint.ts';
import { openKeyChange } from '../../src/log/key-change.ts';
import { parseVerifier } from '../../src/log/verifier.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { addClient, type MadeVault, mustRun } from './made-vault.ts';

/**
 * Two processes serve a vault whose log is given new keys, and each is killed in the middle of it: what the log ends with is one
 * chain of keys, of which nothing that was answered is missing, and the newest checkpoint is the last one's.
 */
export async function keyRounds({ config, events }: MadeVault, rounds: number): Promise<void> {
  const apiKey = await addClient(config, 'rotator', ['keys:*'], 'custodian');
  const serve = () => serveProcess(config);
  const processes = [await serve(), await serve()];
  const first = parseVerifier((await mustRun(['audit', 'key', '--config', config])).trim());
  const answered: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const at = round % 2;
    // All at once, by both: each is decided again under the key that the one before it left.
    const asked = Promise.allSettled(
      processes.flatMap(({ url }) => {
        const vault = connect({ url, apiKey });
        return [0, 1].map(() => vault.audit.rotateKey());
      }),
    );
    if (round % 3 === 2) {
      await processes[at]?.stop('SIGKILL');
      processes[at] = await serve();
    }
    for (const told of await asked) if (told.status === 'fulfilled') answered.push(told.value.key);
  }
  expect(answered.length).toBeGreaterThanOrEqual(rounds);

  const notes = (await events())
    .filter(({ action, outcome }) => action === 'audit.rotate-key' && outcome === 'done')
    .map(({ detail }) => noteOf(detail));
  const chain = notes.reduce(
    (keys, note) => [...keys, openKeyChange(Buffer.from(note), keys.at(-1) ?? first)],
    [first],
  );
  for (const key of answered) expect(chain.map(({ text }) => text)).toContain(key);
  const last = chain.at(-1) ?? first;
  expect((await mustRun(['audit', 'key', '--config', config])).trim()).toBe(last.text);

  const auditorKey = await addClient(config, 'reader', ['audit:*'], 'auditor');
  const reader = connect({ url: processes[0]?.url ?? '', apiKey: auditorKey });
  const from = (await events()).findLastIndex(({ action }) => action === 'audit.rotate-key');
  let newest = await reader.audit.checkpoint();
  // It is signed within seconds, by whoever takes over the lease of one that was killed.
  while (newest.size <= from) newest = await reader.audit.checkpoint();
  expect(openCheckpoint(Buffer.from(newest.checkpoint), last).size).toBe(newest.size);
  expect((await reader.audit.key()).keys.map(({ key }) => key)).toEqual(chain.map(({ text }) => text));
  expect(await strongroom(['audit', 'verify', '--config', config])).toMatchObject({ code: 0 });
}

function noteOf(detail: unknown): string {
  const note: unknown = typeof detail === 'object' && detail !== null ? Reflect.get(detail, 'note') : null;
  return typeof note === 'string' ? note : '';
}
