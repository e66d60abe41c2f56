import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { archiveLog } from '../../src/archive-log.ts';
import { openCheckpoint } from '../../src/log/checkpoint.ts';
import { parseVerifier } from '../../src/log/verifier.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import { newVault, openingOf, type TestVault } from '../harness.ts';
import { leafSlowly, rootSlowly } from '../log/slow-tree.ts';

/** Archives the log of a vault to a folder, as the command does, beside whoever has it open. */
export const archive = (
  { dir, clock }: Pick<TestVault, 'dir' | 'clock'>,
  to: string,
  progress: (step: string, done: number) => void = () => undefined,
) =>
  archiveLog(
    { config: join(dir, 'strongroom.yaml'), to },
    { opening: openingOf(dir, clock, [], []), caller: hostCaller('tester', 'cli_test'), progress },
  );

/** A tool not written here, in a few lines: files by the paths of tlog-tiles, bundles by their lengths, the tree by RFC 9162. */
export function readSlowly(
  folder: string,
  key: string,
): { readonly events: Buffer[]; readonly size: number } {
  const verifier = parseVerifier(key);
  const { size, root } = openCheckpoint(readFileSync(join(folder, 'checkpoint')), verifier);
  const events: Buffer[] = [];
  for (let at = 0; at < size; at += 256) {
    const width = Math.min(256, size - at);
    const partial = width === 256 ? '' : `.p/${width}`;
    const name = `${String(at / 256).padStart(3, '0')}${partial}`;
    const own: Buffer[] = [];
    const bundle = readFileSync(join(folder, 'tile', 'entries', name));
    for (let from = 0; from < bundle.length;) {
      const end = from + 2 + bundle.readUInt16BE(from);
      own.push(bundle.subarray(from + 2, end));
      from = end;
    }
    expect(own).toHaveLength(width);
    const tile = readFileSync(join(folder, 'tile', '0', name));
    expect(tile).toEqual(Buffer.concat(own.map(leafSlowly)));
    events.push(...own);
  }
  expect(Buffer.from(rootSlowly(events.map(leafSlowly)))).toEqual(Buffer.from(root));
  return { events, size };
}

/** Every file below a folder, and its bytes. */
export const filesBelow = (folder: string): Map<string, Buffer> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [path.slice(folder.length + 1), readFileSync(path)]),
  );

/** A vault whose log has full tiles. */
export async function grown(): Promise<TestVault> {
  const open = await newVault();
  await grow(open, 600);
  return open;
}

export async function grow({ host }: TestVault, events: number): Promise<void> {
  await Promise.all(Array.from({ length: events }, () => host.audit.key()));
}
