import type { Command } from 'commander';
import { addAuditBundle } from './audit-bundle.ts';
import { addAuditVerify } from './audit-verify.ts';
import type { BoundVault } from '../vault/bound.ts';
import { ask, type Common, usage, withCommon } from './ask.ts';
import type { Host } from './host.ts';
import { CommandRefused } from './refusal.ts';
import { counted, printable } from './table.ts';

interface ArchiveArguments {
  readonly config: string;
  readonly to: string;
  readonly json: boolean;
}

/** `audit verify`, `audit bundle`, `audit archive`, `audit key`, `audit checkpoint`, `audit prove` */
export function addAuditCommands(program: Command, host: Host, outcome: { code: number }): void {
  const audit = program.command('audit').description('what was done, and whether the record of it is whole');

  addAuditVerify(audit, host, outcome);
  addAuditBundle(audit, host);

  withCommon(audit.command('key'))
    .description('the key that signed checkpoints verify under, as C2SP signed-note writes it')
    .action(async (options: Common) => {
      const { key } = await ask(host, options, (vault) => vault.audit.key());
      host.print(options.json ? JSON.stringify({ key }) : key);
    });

  withCommon(audit.command('checkpoint'))
    .option('--cosigned', 'the newest that a witness signed too', false)
    .description('the newest signed checkpoint of the log')
    .action(async ({ cosigned, ...options }: Common & { readonly cosigned: boolean }) => {
      const { size, checkpoint } = await ask(host, options, (vault) => vault.audit.checkpoint({ cosigned }));
      host.print(options.json ? JSON.stringify({ size, checkpoint }) : asFile(checkpoint));
    });

  withCommon(audit.command('prove').argument('<index>', 'of the event, from 0'))
    .description('a proof that an event is in the log of the newest checkpoint, with its bytes')
    .action(async (index: string, options: Common) => {
      if (!/^(?:0|[1-9]\d{0,14})$/.test(index)) throw usage('an event is named by its index, from 0');
      const { proof, size } = await ask(host, options, (vault) => proven(vault, Number(index)));
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

/** What was said of an event that is in no signed log yet says how far that goes. */
async function proven({ audit }: BoundVault, index: number) {
  try {
    return await audit.prove({ index });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const { size } = await audit.checkpoint().catch((none: unknown) => {
      if (isNotFound(none)) return { size: 0 };
      throw none;
    });
    throw index < size ? error : new CommandRefused(beyond(index, size));
  }
}

const isNotFound = (error: unknown): boolean => Reflect.get(Object(error), 'code') === 'not_found';

const beyond = (index: number, size: number): string =>
  `event ${index} is in no signed log yet: the newest checkpoint covers ${counted(size, 'event')}, and serve signs the next one`;

/** Its own last newline is the one that printing adds. */
const asFile = (text: string): string => text.replace(/\n$/, '');
