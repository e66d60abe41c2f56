import { z } from 'zod';

/** What a backup says of itself; docs/backup-format.md explains each key. A change of shape is a new number. */
export const FORMAT = 'strongroom-backup/1';

const count = z.int().min(0);
const text = (longest: number) => z.string().max(longest);
const bytes = (pattern: RegExp) => z.string().regex(pattern);

const manifestShape = z.strictObject({
  format: z.literal(FORMAT),
  /** The release that made it. */
  strongroom: text(64),
  madeAt: z.iso.datetime(),
  vault: z.strictObject({ id: text(64), name: text(64), environment: text(64) }),
  /** Time of the newest migration of the store, in milliseconds. */
  migration: count,
  log: z.strictObject({ size: count, root: bytes(/^[A-Za-z0-9+/]{43}=$/) }),
  epoch: count,
  /** Ids of the master keys under which its keys are wrapped: without them it cannot be read. */
  masterKeys: z.array(text(64)).max(64),
  /** Public: who can open it. */
  recipients: z.array(text(4096)).max(16),
  database: z.strictObject({
    bytes: count,
    sha256: bytes(/^[0-9a-f]{64}$/),
    /** Rows of each table. */
    tables: z.record(text(64), count),
  }),
});
export type Manifest = z.output<typeof manifestShape>;

/** Largest manifest, in bytes. */
export const MOST_MANIFEST = 64 * 1024;

export const writeManifest = (manifest: Manifest): Buffer =>
  Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);

/** The manifest in these bytes, or null if they are none of this format. */
export function readManifest(written: Uint8Array): Manifest | null {
  try {
    return manifestShape.safeParse(JSON.parse(Buffer.from(written).toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}
