import { z } from 'zod';
import { RECIPIENT } from './age.ts';
import { BackupRefused } from './refused.ts';

/** What a backup says of itself; docs/backup-format.md explains each key. A change of shape is a new number. */
export const FORMAT = 'strongroom-backup/1';

const count = z.int().min(0);
/**
 * Each text has the form of what the vault, the settings or age-keygen made it as: a manifest is written by whoever knows a
 * recipient, and parts of it are told to the operator.
 */
const form = (pattern: RegExp) => z.string().regex(pattern);
const label = (longest: number) => form(new RegExp(`^[a-z0-9-]{1,${longest}}$`));

const manifestShape = z.strictObject({
  format: z.literal(FORMAT),
  /** The release that made it. */
  strongroom: form(/^[0-9A-Za-z.+-]{1,64}$/),
  madeAt: z.iso.datetime(),
  vault: z.strictObject({
    id: form(/^vlt_[1-9A-HJ-NP-Za-km-z]{13}$/),
    name: label(40),
    environment: label(32),
  }),
  /** Time of the newest migration of the store, in milliseconds. */
  migration: count,
  log: z.strictObject({ size: count, root: form(/^[A-Za-z0-9+/]{43}=$/) }),
  epoch: count,
  /** Ids of the master keys under which its keys are wrapped: without them it cannot be read. */
  masterKeys: z.array(form(/^mk_[1-9A-HJ-NP-Za-km-z]{8,22}$/)).max(64),
  /** Public: who can open it. */
  recipients: z.array(form(RECIPIENT)).max(16),
  database: z.strictObject({
    bytes: count,
    sha256: form(/^[0-9a-f]{64}$/),
    /** Rows of each table. */
    tables: z.record(form(/^[a-z_]{1,40}$/), count),
  }),
});
export type Manifest = z.output<typeof manifestShape>;

/** Largest manifest, in bytes. */
export const MOST_MANIFEST = 64 * 1024;

/**
 * The bytes of a manifest.
 * @throws BackupRefused where it would not be read again: a backup that cannot be restored is none
 */
export function writeManifest(manifest: Manifest): Buffer {
  const written = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  if (written.length > MOST_MANIFEST || readManifest(written) === null)
    throw new BackupRefused('no backup was made: its manifest is not of the form that a restore reads');
  return written;
}

/** The manifest in these bytes, or null if they are none of this format. */
export function readManifest(written: Uint8Array): Manifest | null {
  try {
    return manifestShape.safeParse(JSON.parse(Buffer.from(written).toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}
