import type { Command } from 'commander';
import type { Host, MigrateReport } from './host.ts';
import { usage } from './ask.ts';
import { printable } from './table.ts';

interface MigrateArguments {
  readonly config: string;
  readonly as?: string;
  readonly asPasswordFile?: string;
  readonly dryRun: boolean;
  readonly exitCode: boolean;
  readonly json: boolean;
}

/** `migrate` */
export function addMigrateCommand(program: Command, host: Host, outcome: { code: number }): void {
  program
    .command('migrate')
    .description(
      'bring the tables of a store on PostgreSQL to this release, and the rights of the role that serves',
    )
    .option('--as <role>', 'the role that owns the tables; that of store.url unless said')
    .option('--as-password-file <file>', 'a file with its password')
    .option('--dry-run', 'change nothing, and print the SQL', false)
    .option('--exit-code', 'with --dry-run: exit with 1 where there is something to do', false)
    .option('--config <file>', 'settings, which name the store', 'strongroom.yaml')
    .option('--json', 'print JSON', false)
    .action(async ({ config, as, asPasswordFile, dryRun, exitCode, json }: MigrateArguments) => {
      if (as === undefined && asPasswordFile !== undefined) throw usage('--as-password-file goes with --as');
      if (exitCode && !dryRun) throw usage('--exit-code goes with --dry-run');
      const by = as === undefined ? null : { role: as, passwordFile: asPasswordFile ?? null };
      const report = await host.migrate({ config, by, dryRun });
      if (exitCode && report.migrations.length + report.rights.length > 0) outcome.code = 1;
      if (json) host.print(JSON.stringify(report));
      else for (const line of dryRun ? planned(report) : done(report)) host.print(printable(line));
    });
}

const IN_A_FILE = 'The store is a SQLite file: serve migrates it when it opens it.';

/** SQL that a file may hold: what is not SQL is a comment. */
function planned({ engine, migrations, rights, role }: MigrateReport): string[] {
  if (engine === 'sqlite') return [`-- ${IN_A_FILE}`];
  return [
    ...(migrations.length === 0 ? ['-- The tables are those of this release.'] : []),
    ...migrations.flatMap(({ name, sql }) => [`-- ${name}`, ...sql.map(ended)]),
    ...(rights.length === 0
      ? [`-- ${role} has the rights that a vault needs.`]
      : [`-- What ${role} may do`, ...rights.map(ended)]),
  ].flatMap((text) => text.split('\n'));
}

function done({ engine, migrations, rights, role }: MigrateReport): string[] {
  if (engine === 'sqlite') return [IN_A_FILE];
  return [
    ...(migrations.length === 0 ? ['The tables are those of this release.'] : []),
    ...migrations.map(({ name }) => `Applied ${name}.`),
    rights.length === 0
      ? `${role} has the rights that a vault needs.`
      : `${role} was given the rights that a vault needs, and no other.`,
  ];
}

/** A statement as a file may hold it. */
const ended = (sql: string): string => `${sql.trimEnd().replace(/;$/, '').replaceAll('\t', '  ')};`;
