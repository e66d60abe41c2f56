import type { Command } from 'commander';
import { ask, type Common, usage, withCommon } from './ask.ts';
import type { Host } from './host.ts';
import { printable, table } from './table.ts';

interface ArchiveArguments {
  readonly config: string;
  readonly to: string;
  readonly json: boolean;
}

/** `audit verify`, `audit key`, `audit checkpoint`, `audit prove`, `audit archive` */
export function addAuditCommands(program: Command, host: Host, outcome: { code: number }): void {
  const audit = program.command('audit').description('what was done, and whether the record of it is whole');

  withCommon(audit.command('verify'))
    .description('recompute the log from its bytes and hold every row against it')
    .action(async (options: Common) => {
      const report = await ask(host, options, (vault) => vault.audit.verify());
      const { ok, size, root, rows, findings } = report;
      outcome.code = ok ? 0 : 1;
      if (options.json) return host.print(JSON.stringify({ ok, size, root, rows, findings }));
      host.print(`${counted(size, 'event')}, ${counted(rows, 'token')}, root ${root}`);
      if (ok) return host.print('The log is whole, and every row agrees with it.');
      const lines = findings.map(({ table: name, index, problem }) => [
        name,
        index === null ? '' : String(index),
        problem,
      ]);
      host.print(table(['TABLE', 'EVENT', 'FINDING'], lines));
    });

  withCommon(audit.command('key'))
    .description('the key that signed checkpoints verify under, as C2SP signed-note writes it')
    .action(async (options: Common) => {
      const { key } = await ask(host, options, (vault) => vault.audit.key());
      host.print(options.json ? JSON.stringify({ key }) : key);
    });

  withCommon(audit.command('checkpoint'))
    .description('the newest signed checkpoint of the log')
    .action(async (options: Common) => {
      const { size, checkpoint } = await ask(host, options, (vault) => vault.audit.checkpoint());
      host.print(options.json ? JSON.stringify({ size, checkpoint }) : asFile(checkpoint));
    });

  withCommon(audit.command('prove').argument('<index>', 'of the event, from 0'))
    .description('a proof that an event is in the log of the newest checkpoint, with its bytes')
    .action(async (index: string, options: Common) => {
      if (!/^(?:0|[1-9]\d{0,14})$/.test(index)) throw usage('an event is named by its index, from 0');
      const { proof, size } = await ask(host, options, (vault) =>
        vault.audit.prove({ index: Number(index) }),
      );
      host.print(options.json ? JSON.stringify({ index: Number(index), size, proof }) : asFile(proof));
    });

  // On the host alone: it is the host's disk.
  audit
    .command('archive')
    .description('copy the log to a folder of files that verify by themselves, and read them back')
    .requiredOption('--to <folder>', 'where it stands, or is to stand: a later run adds what is new')
    .option('--config <file>', 'settings and policy', 'strongroom.yaml')
    .option('--json', 'print JSON', false)
    .action(async ({ config, to, json }: ArchiveArguments) => {
      const report = await host.archive({ config, to });
      if (json) return host.print(JSON.stringify(report));
      const { folder, size, root, added, kept } = report;
      host.print(printable(`${folder}: ${counted(size, 'event')}, root ${root}`));
      host.print(
        `${counted(added, 'file')} added, ${kept} kept. All were read back, and every hash is right.`,
      );
    });
}

/** Its own last newline is the one that printing adds. */
const asFile = (text: string): string => text.replace(/\n$/, '');

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
