import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DoctorReport } from '../../src/cli/host.ts';
import { doctor, type DoctorDeps, freeBytes } from '../../src/doctor.ts';
import { readSettings } from '../../src/config-file.ts';
import { type StoreWriter, writerOf } from '../engine.ts';
import { makeVaultDir, openVaultDir, type TestVault } from '../harness.ts';

/** A vault that nobody serves, whose files a test may spoil, and a doctor to look at it. */
export interface Patient {
  readonly dir: string;
  readonly config: string;
  readonly keyFile: string;
  /** Of a store in a file. */
  readonly store: string;
  readonly writer: StoreWriter;
  /** What doctor is told of the host, where it differs from this one. */
  readonly host: { -readonly [K in keyof DoctorDeps]?: DoctorDeps[K] };
  /** Replaces a text in the settings. */
  readonly edit: (was: string | RegExp, is: string) => void;
  /** Opens the vault for a while, its clock so many milliseconds ahead. */
  readonly open: <T>(use: (open: TestVault) => Promise<T>, offset?: number) => Promise<T>;
  readonly examine: () => Promise<DoctorReport>;
}

export async function patient(): Promise<Patient> {
  const dir = await makeVaultDir();
  const config = join(dir, 'strongroom.yaml');
  const host: Patient['host'] = {};
  const made: Patient = {
    dir,
    config,
    keyFile: join(dir, 'keys'),
    store: join(dir, 'data/vault.db'),
    writer: writerOf(readSettings(config).settings.store),
    host,
    edit: (was, is) => {
      const text = readFileSync(config, 'utf8');
      const changed = text.replace(was, is);
      if (changed === text) throw new Error(`the settings have no ${String(was)}`);
      writeFileSync(config, changed);
    },
    open: async (use, offset = 0) => {
      const open = await openVaultDir(dir, { offset });
      try {
        return await use(open);
      } finally {
        await open.close();
      }
    },
    examine: () =>
      doctor(config, {
        now: () => Date.now(),
        random: (bytes) => randomBytes(bytes),
        groups: [process.getegid?.() ?? -1],
        user: process.geteuid?.() ?? 0,
        node: { runs: process.versions.node, needs: '>=20.19' },
        freeBytes,
        ...host,
      }),
  };
  // The policy of the file is the active one from here on.
  await made.open(() => Promise.resolve());
  return made;
}
