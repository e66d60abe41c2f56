import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import type { BoundVault } from '../../src/vault/bound.ts';
import { newVault, openVaultDir, tempDir, type TestVault } from '../harness.ts';

/** The smallest bucket that a policy may have: 15 digits, 6 + 4 kept, Luhn-invalid. */
const BUCKET = 90_000;
const PAN = '378282246310005';
const POLICY = `
collections:
  amex: { format: pan, lengths: { min: 15, max: 15 }, keep: { first: 6, last: 4 } }
`;
const HOUR = 3_600_000;

/** Tokenises the one value so many times; whatever finds no room is left out. */
async function issue(vault: BoundVault, count: number, more: object = {}): Promise<string[]> {
  const tokens: string[] = [];
  for (let left = count; left > 0; left -= 1000) {
    const items = Array.from({ length: Math.min(left, 1000) }, () => ({
      collection: 'amex',
      value: PAN,
      ...more,
    }));
    for (const item of (await vault.tokenise({ items })).items) {
      if ('token' in item) tokens.push(item.token);
      else expect(item.error.code).toBe('token_space_exhausted');
    }
  }
  return tokens;
}

/** The store of a vault that is closed, as a backup has it, and back. */
const copyStore = (from: string, to: string): void => {
  for (const file of readdirSync(to)) rmSync(join(to, file));
  for (const file of readdirSync(from)) copyFileSync(join(from, file), join(to, file));
};

it('an erased token never returns, though its bucket is filled, its vault restarted and its store restored', async () => {
  let open: TestVault = await newVault(POLICY);
  const client = await open.add(['tokenise:amex', 'erase:amex']);
  const erased = await issue(client.vault, 400);
  const items = erased.map((token) => ({ collection: 'amex', token }));
  const { items: answers } = await client.vault.erase({ reason: 'asked', items });
  expect(answers).toEqual(erased.map(() => ({ erased: true })));
  const expiresAt = new Date(Date.now() + HOUR).toISOString();
  const purged = await issue(client.vault, 200, { expiresAt });
  open.clock.offset = 2 * HOUR;
  await open.vault.maintain();
  const gone = [...erased, ...purged];
  const kept = await issue(client.vault, BUCKET - gone.length - 1500);

  const again = async (): Promise<BoundVault> => {
    await open.close();
    open = await openVaultDir(open.dir, { offset: 2 * HOUR });
    return open.as(client.key);
  };
  /** The rest of the bucket, and a thousand for which there is no room. */
  const fill = async (vault: BoundVault): Promise<void> => {
    const rest = await issue(vault, 2500);
    expect(rest).toHaveLength(1500);
    expect(new Set([...gone, ...kept, ...rest]).size).toBe(BUCKET);
    expect(await issue(await again(), 1)).toEqual([]);
  };
  const [data, backup] = [dirname(open.storePath), tempDir()];
  await open.close();
  copyStore(data, backup);
  await fill(await again());
  // A backup that was taken after the erasure knows of it.
  await open.close();
  copyStore(backup, data);
  await fill(await again());
  expect(await open.host.audit.verify()).toMatchObject({ ok: true, rows: BUCKET });
}, 600_000);
