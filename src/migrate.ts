import type { MigrateReport, Owner } from './cli/host.ts';
import { CommandRefused } from './cli/refusal.ts';
import type { PostgresSettings, StoreSettings } from './config/store.ts';
import type { Settings } from './config/settings.ts';
import { migratePostgres } from './store/postgres-migrations.ts';
import { rightsFindings } from './doctor/postgres.ts';
import { giveRights, isNewer, rightsOf, vacancyOf } from './store/postgres-rights.ts';
import { WHO_REFUSED } from './store/postgres-door.ts';
import { visit } from './store/postgres-visit.ts';
import { StoreFailure } from './vault/store.ts';

/** Where the owner of the tables goes in: no settings name it, so that whoever serves cannot become it. */
const asOwner = (place: PostgresSettings, by: Owner | null): PostgresSettings =>
  by === null ? place : { ...place, user: by.role, passwordFile: by.passwordFile };

/** Who names the owner and no password is told where that goes, if the server asked for one. */
function withoutPassword(by: Owner | null, error: unknown): never {
  if (by?.passwordFile === null && error instanceof StoreFailure && error.message.startsWith(WHO_REFUSED))
    throw new CommandRefused(
      `${error.message}: --as-password-file names a file with the password of ${by.role}`,
    );
  throw error;
}

/**
 * Brings the tables of a store on PostgreSQL to this release, and the rights of the role that serves.
 * @throws CommandRefused, StoreFailure
 */
export async function migrate(
  { store }: Settings,
  by: Owner | null,
  mode: 'apply' | 'dry-run',
): Promise<MigrateReport> {
  if (store.engine === 'sqlite') return { engine: 'sqlite', migrations: [], role: '', rights: [] };
  const place = asOwner(store, by);
  if (await isNewer(place).catch((error: unknown) => withoutPassword(by, error)))
    throw new CommandRefused('a later release has migrated the store, and this one serves it as it is');
  const migrations = await migratePostgres(place, mode);
  const rights = await giveRights(place, store.user, mode);
  return {
    engine: 'postgres',
    migrations: migrations.map(({ name, statements }) => ({ name, sql: statements })),
    role: store.user,
    rights,
  };
}

/**
 * Makes a database ready to be a vault, which it must not be yet.
 * @throws CommandRefused where there is something in it, StoreFailure
 */
export async function prepareDatabase(store: StoreSettings, by: Owner | null): Promise<void> {
  if (store.engine === 'sqlite') return;
  const place = asOwner(store, by);
  const vacancy = await vacancyOf(place).catch((error: unknown) => withoutPassword(by, error));
  if (vacancy === 'used')
    throw new CommandRefused(
      `the database ${store.database} holds tables of something else: give the vault one of its own`,
    );
  if (vacancy === 'vault')
    throw new CommandRefused(
      `the database ${store.database} holds a vault already: another replica has its strongroom.yaml and master key, and no init`,
    );
  // The role that serves is tried before anything is made: a wrong password is the likelier mistake.
  await visit(store, () => Promise.resolve());
  await migratePostgres(place, 'apply');
  await giveRights(place, store.user, 'apply');
}

/** What is wrong with the rights of the role that serves, in sentences; nothing where it owns a file. */
export async function rightsOfServing({ store }: Settings): Promise<string[]> {
  if (store.engine === 'sqlite') return [];
  const rights = await visit(store, (session) => rightsOf(session, store.user));
  return rights === null ? [] : [...rightsFindings(store.user, rights)].map(({ sentence }) => sentence);
}
