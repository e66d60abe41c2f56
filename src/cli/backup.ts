import type { Command } from 'commander';
import type { BackupOptions, Host, RestoreOptions, RestoreReport } from './host.ts';
import { counted, printable, table } from './table.ts';

interface Printing {
  readonly json: boolean;
}
interface BackupArguments extends Printing {
  readonly config: string;
  readonly to: string;
  readonly recipient: readonly string[];
  readonly recipientsFile?: string;
}
interface RestoreArguments extends Printing, Pick<RestoreOptions, 'config' | 'identity' | 'check'> {}

/** `backup`, `restore`: on the host alone. */
export function addBackupCommands(program: Command, host: Host, outcome: { code: number }): void {
  program
    .command('backup')
    .description('seal a copy of the store to an age recipient, while it is served')
    .requiredOption('--to <file>', 'the file to make; it must not be there')
    .option(
      '--recipient <recipient>',
      'who can open it: age1…, as age-keygen prints it; repeatable',
      collect,
      [],
    )
    .option('--recipients-file <file>', 'a file of recipients, one a line')
    .option('--config <file>', 'settings and policy', 'strongroom.yaml')
    .option('--json', 'print JSON', false)
    .action(async ({ config, to, recipient, recipientsFile, json }: BackupArguments) => {
      const options: BackupOptions = {
        config,
        to,
        recipients: recipient,
        recipientsFile: recipientsFile ?? null,
      };
      const { file, bytes, manifest } = await host.backup(options);
      if (isMixed(manifest.recipients)) host.printError(MIXED);
      if (json) return host.print(JSON.stringify({ file, bytes, manifest }));
      const { vault, log, masterKeys, recipients } = manifest;
      host.print(
        printable(`${file}: vault ${vault.id} (${vault.environment}), ${log.size} events, root ${log.root}`),
      );
      host.print(
        `${bytes} bytes, sealed to ${recipients.length} recipient${recipients.length === 1 ? '' : 's'}. The master key ` +
          printable(`${masterKeys.join(', ')} is not in it: without that too, nobody can read it.`),
      );
    });

  program
    .command('restore')
    .description('open a backup, try all of it, and put it where the settings say that the store is')
    .argument('<file>', 'what backup made')
    .requiredOption('--identity <file>', 'a file of age secret keys, as age-keygen writes it')
    .option('--check', 'only try it: nothing is put anywhere', false)
    .option('--config <file>', 'settings, which name the master key and the store', 'strongroom.yaml')
    .option('--json', 'print JSON', false)
    .action(async (file: string, { config, identity, check, json }: RestoreArguments) => {
      const report = await host.restore({ file, config, identity, check });
      if (report.findings.length > 0) outcome.code = 1;
      if (json) host.print(JSON.stringify({ ok: report.findings.length === 0, ...report }));
      else for (const line of told(report, check)) host.print(line);
    });
}

/** What is sealed to several is as safe as the weakest of them. */
const isMixed = (recipients: readonly string[]): boolean =>
  new Set(recipients.map((one) => one.startsWith('age1pq1'))).size > 1;
const MIXED =
  'Note: sealed to age1… beside age1pq1…, the backup is as safe from a quantum computer as with age1… alone.';

const collect = (one: string, all: readonly string[]): readonly string[] => [...all, one];

function told({ manifest, inspection, findings, restored }: RestoreReport, check: boolean): string[] {
  const { keys, size, root, rows } = inspection;
  const lines = [
    printable(`Vault ${inspection.vault} (${inspection.environment}), backed up at ${manifest.madeAt}`),
    `${counted(size, 'event')}, ${counted(rows, 'token')}, root ${root}`,
    table(
      ['KEY', 'USE', 'COLLECTION', 'OPENS', 'CELLS OPENED'],
      keys.map(({ id, use, collection, opens, cells }) => [
        id,
        use,
        collection ?? '',
        opens ? 'yes' : 'no',
        String(cells),
      ]),
    ),
  ];
  if (findings.length > 0) {
    const found = findings.map(({ table: name, index, problem }) => [
      name,
      index === null ? '' : String(index),
      problem,
    ]);
    return [
      ...lines,
      table(['TABLE', 'EVENT', 'FINDING'], found),
      ...(check ? [] : ['Nothing was restored.']),
    ];
  }
  if (restored === null)
    return [...lines, 'Every key opens, the log is whole, and every row agrees with it.'];
  return [
    ...lines,
    `Restored to ${restored}. It is the vault of ${manifest.madeAt}: before serving, revoke and erase again what was`,
    'revoked and erased since. Tokens that were issued since are unknown, and may be issued again for other values.',
  ];
}
