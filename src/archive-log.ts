import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ArchiveOptions, ArchiveReport } from './cli/host.ts';
import { CommandRefused } from './cli/refusal.ts';
import { open, type Opening } from './open.ts';
import { openTileFolder } from './tiles/folder.ts';
import type { Archiving } from './vault/audit/archive.ts';
import type { Caller } from './vault/call.ts';
import { VaultError } from './vault/error.ts';

/** What archiving the log needs of the host. */
export interface ArchivingLog {
  readonly opening: Opening;
  readonly caller: Caller;
  /** It throws when the process is told to stop. */
  readonly progress: Archiving;
}

/**
 * Archives the log up to its newest checkpoint, while others use the vault.
 * @throws CommandRefused, ArchiveRefused
 */
export async function archiveLog(
  { to }: ArchiveOptions,
  { opening, caller, progress }: ArchivingLog,
): Promise<ArchiveReport> {
  const folder = resolve(to);
  if (!existsSync(dirname(folder))) throw new CommandRefused(`there is no folder ${dirname(folder)}`);
  const vault = await open(opening);
  try {
    // Where nobody serves, nobody has signed the newest events; and nothing is signed before it is known what was.
    await vault.readBack();
    await vault.follow();
    const name = Buffer.from(opening.world.random(8)).toString('hex');
    const archived = await vault.archive(caller, await openTileFolder(folder, name), progress);
    return { folder, ...archived };
  } catch (error) {
    if (error instanceof VaultError && error.code === 'not_found')
      throw new CommandRefused('no checkpoint of the log is signed yet: try again in a few seconds');
    throw error;
  } finally {
    await vault.close();
  }
}
