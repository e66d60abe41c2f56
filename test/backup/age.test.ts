import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect, it } from 'vitest';
import { parseIdentities, parseRecipients } from '../../src/backup/age.ts';
import { tempDir } from '../harness.ts';

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const seal = async (recipients: readonly string[], plain: Uint8Array): Promise<Buffer> =>
  whole(await parseRecipients(recipients).seal(once(plain)));

async function unseal(identity: string, sealed: Uint8Array): Promise<Buffer> {
  const path = join(tempDir(), 'sealed');
  writeFileSync(path, sealed);
  return whole(await parseIdentities(identity).unseal(path));
}

async function pair(make = generateX25519Identity): Promise<{ identity: string; recipient: string }> {
  const identity = await make();
  return { identity, recipient: await identityToRecipient(identity) };
}

const REFUSED = { name: 'BackupRefused' };

it('seals to each recipient what its identity opens, post-quantum ones too, and no other', async () => {
  const [one, two, other] = [await pair(), await pair(generateHybridIdentity), await pair()];
  for (const size of [0, 1, 65_536, 65_537, 200_000]) {
    const plain = randomBytes(size);
    const sealed = await seal([one.recipient, two.recipient], plain);
    expect((await unseal(one.identity, sealed)).equals(plain)).toBe(true);
    expect((await unseal(`# a comment\n\n${other.identity}\n${two.identity}\n`, sealed)).equals(plain)).toBe(
      true,
    );
    await expect(unseal(other.identity, sealed)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining('does not open with this identity'),
    });
  }
});

/** Debian and Homebrew call its package age. */
const hasAge = spawnSync('age', ['--version']).status === 0;

it.skipIf(!hasAge)('is the format of the age command, both ways', async () => {
  const { identity, recipient } = await pair();
  const key = join(tempDir(), 'key');
  writeFileSync(key, `${identity}\n`);
  const plain = randomBytes(150_000);
  const opened = spawnSync('age', ['-d', '-i', key], { input: await seal([recipient], plain) });
  expect({ status: opened.status, stderr: opened.stderr.toString() }).toEqual({ status: 0, stderr: '' });
  expect(opened.stdout.equals(plain)).toBe(true);
  const sealed = spawnSync('age', ['-r', recipient], { input: plain });
  expect((await unseal(identity, sealed.stdout)).equals(plain)).toBe(true);
  const armoured = spawnSync('age', ['-a', '-r', recipient], { input: plain });
  await expect(unseal(identity, armoured.stdout)).rejects.toMatchObject({
    message: expect.stringContaining('not armoured'),
  });
});

it('gives no end to a file that was changed or cut: never all of the bytes, and never others', async () => {
  const { identity, recipient } = await pair();
  const plain = randomBytes(140_000);
  const sealed = await seal([recipient], plain);
  for (let at = 0; at < sealed.length; at += 1009) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    await expect(unseal(identity, changed), `byte ${at}`).rejects.toMatchObject(REFUSED);
  }
  const [header] = /^[^]*?\n--- .{43}\n/.exec(sealed.toString('latin1')) ?? [''];
  const chunk = 65_536 + 16;
  const payload = header.length + 16;
  for (const length of [
    0,
    10,
    header.length,
    payload,
    payload + 5,
    payload + chunk,
    payload + 2 * chunk,
    sealed.length - 1,
  ])
    await expect(unseal(identity, sealed.subarray(0, length)), `cut at ${length}`).rejects.toMatchObject(
      REFUSED,
    );
  await expect(unseal(identity, Buffer.concat([sealed, Buffer.of(0)]))).rejects.toMatchObject(REFUSED);
});

it('holds no more of a large file in memory than a few pieces of it', async () => {
  const { identity, recipient } = await pair();
  const piece = Buffer.alloc(1 << 16);
  let made = 0;
  async function* large(): AsyncGenerator<Uint8Array> {
    for (; made < 400; made++) yield piece;
  }
  let [taken, ahead] = [0, 0];
  const sealed: Uint8Array[] = [];
  for await (const bytes of await parseRecipients([recipient]).seal(large())) {
    sealed.push(bytes);
    taken++;
    ahead = Math.max(ahead, made - taken);
  }
  expect(made).toBe(400);
  expect(ahead).toBeLessThan(8);
  const path = join(tempDir(), 'sealed');
  writeFileSync(path, Buffer.concat(sealed));
  let length = 0;
  for await (const bytes of await parseIdentities(identity).unseal(path)) {
    // Stopping halfway lets go of the file.
    length += bytes.length;
    if (length > 10 * piece.length) break;
  }
  expect(length).toBeLessThan(statSync(path).size / 2);
});

it('takes recipients and identities as age-keygen writes them, says what is wrong with others, and quotes neither', async () => {
  const { identity, recipient } = await pair();
  const wrong: [readonly string[], RegExp][] = [
    [[], /needs a recipient/],
    [[identity], /^recipient 1 is none/],
    [[recipient, `${recipient.slice(0, -1)}${recipient.endsWith('q') ? 'p' : 'q'}`], /^recipient 2 is none/],
    [['age1yubikey1qgq'], /is none/],
    [['ssh-ed25519 AAAA'], /is none/],
  ];
  for (const [written, why] of wrong) {
    expect(() => parseRecipients(written)).toThrow(why);
    for (const text of written) expect(() => parseRecipients(written)).not.toThrow(text);
  }
  const many = await Promise.all(Array.from({ length: 17 }, async () => (await pair()).recipient));
  expect(() => parseRecipients(many)).toThrow(/at most 16/);
  expect(parseRecipients([recipient, recipient]).names).toEqual([recipient]);
  const sha256 = createHash('sha256').update(recipient).digest('hex');
  expect(parseRecipients([recipient]).fingerprints).toEqual([sha256]);

  for (const text of [
    '',
    '# empty\n',
    recipient,
    `${identity.slice(0, -1)}${identity.endsWith('Q') ? 'P' : 'Q'}`,
    `${identity}\nrubbish`,
  ]) {
    expect(() => parseIdentities(text)).toThrow(/identity file (?:must hold|holds no)/);
    expect(() => parseIdentities(text)).not.toThrow(identity.slice(20, 40));
  }
  expect(() => parseIdentities('-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n')).toThrow(/is sealed itself/);
  expect(() => parseIdentities('age-encryption.org/v1\n-> scrypt')).toThrow(/is sealed itself/);
  await expect(unseal(identity, Buffer.from('SQLite format 3\0'))).rejects.toThrow(/this is no backup/);
});
