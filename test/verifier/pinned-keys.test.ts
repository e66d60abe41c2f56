import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { cosignerOf } from '../../src/log/verifier.ts';
import { checkLog } from '../../src/verify-log.ts';
import { tempDir } from '../harness.ts';
import { eventsOf, first, layoutSlowly, noteOf, witnessOf } from './made-log.ts';

/** Whoever runs a vault and hands out the keys of its witnesses, too, may hand out one of them as several. */

const checked = (dir: string, ...witnesses: readonly string[]) =>
  checkLog(
    { key: first.verifier.text, witnesses, quorum: null, against: [] },
    { kind: 'tiles', dir },
    () => undefined,
  );

const witness = witnessOf(21);
const cosignerWith = (seed: number, name: string): string =>
  cosignerOf(name, ed25519(new Secret(new Uint8Array(32).fill(seed))).publicKey).text;

function cosignedLog(): string {
  const dir = tempDir();
  const events = eventsOf(3);
  for (const [path, bytes] of layoutSlowly(events, witness.cosign(noteOf(events)))) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  return dir;
}

it('a witness is counted once', async () => {
  const dir = cosignedLog();
  expect(await checked(dir, witness.verifier.text)).toMatchObject({ findings: [], anchored: 3 });
  expect(await checked(dir, witness.verifier.text, witnessOf(22).verifier.text)).toMatchObject({
    findings: [],
    anchored: 0,
  });
});

it.each(['another.example', 'witness.example/21\u200b'])(
  'one key is not two witnesses, though it is named %j, too',
  async (name) => {
    const twice = checked(cosignedLog(), witness.verifier.text, cosignerWith(21, name));
    await expect(twice).rejects.toThrow('--witness names one key twice');
  },
);

it('the same key twice is refused', async () => {
  const twice = checked(cosignedLog(), witness.verifier.text, witness.verifier.text);
  await expect(twice).rejects.toThrow('--witness names one key twice');
});

it('the log’s own key is no witness of it', async () => {
  const own = checked(cosignedLog(), cosignerWith(1, 'witness.example/own'));
  await expect(own).rejects.toThrow('it is no witness of itself');
});
