import type { Command } from 'commander';
import type { CopyReport, Host } from './host.ts';
import { printable, table } from './table.ts';

interface CopyArguments {
  readonly config: string;
  readonly to: string;
  readonly json: boolean;
}

/** `store`: on the host alone. */
export function addStoreCommands(program: Command, host: Host, outcome: { code: number }): void {
  const store = program.command('store').description('the store of a vault, on this host');

  store
    .command('copy')
    .description(
      'move the vault to another store: close this one, copy it whole, try the copy, and open that',
    )
    .requiredOption('--to <file>', 'settings that name the new, empty store')
    .option('--config <file>', 'settings that name the store that the vault has', 'strongroom.yaml')
    .option('--json', 'print JSON', false)
    .action(async ({ config, to, json }: CopyArguments) => {
      const report = await host.copyStore({ config, to });
      if (!report.moved) outcome.code = 1;
      if (json) host.print(JSON.stringify({ ok: report.moved, ...report }));
      else for (const line of told(report, to)) host.print(printable(line));
    });

  store
    .command('reopen')
    .description('give up a copy that is not complete, and open the store that it was made of')
    .option('--config <file>', 'settings that name the store that was closed', 'strongroom.yaml')
    .option('--json', 'print JSON', false)
    .action(async ({ config, json }: Omit<CopyArguments, 'to'>) => {
      await host.reopenStore(config);
      host.print(
        json
          ? JSON.stringify({ ok: true })
          : 'The store is open again. What was copied can no longer become the vault: empty the new store.',
      );
    });
}

function told({ from, to, copy, moved, trial, findings }: CopyReport, settings: string): string[] {
  const end = [
    `${from} is closed for good. The vault is in ${to} (copy ${copy}): serve it with --config ${settings}`,
  ];
  if (trial === null) return ['The vault was moved before.', ...end];
  const { tables, inspection } = trial;
  const lines = [
    `Vault ${inspection.vault} (${inspection.environment}), ${inspection.size} events, root ${inspection.root}`,
    ...table(
      ['TABLE', 'ROWS'],
      Object.entries(tables).map(([name, rows]) => [name, String(rows)]),
    ).split('\n'),
  ];
  if (moved)
    return [
      ...lines,
      'Every key opens, the log is whole, every row agrees with it, and both stores are the same.',
      ...end,
    ];
  const found = findings.map(({ table: name, index, problem }) => [
    name,
    index === null ? '' : String(index),
    problem,
  ]);
  return [
    ...lines,
    ...table(['TABLE', 'EVENT', 'FINDING'], found).split('\n'),
    `Nothing was moved, and nothing is served: strongroom store reopen opens ${from} again, and audit verify says more.`,
  ];
}
