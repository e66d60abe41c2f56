import type { Command } from 'commander';
import { addAuditBundle } from './audit-bundle.ts';
import { addAuditVerify } from './audit-verify.ts';
import type { BoundVault } from '../vault/bound.ts';
import { ask, type Common, usage, withCommon } from './ask.ts';
import { inWords } from './client-words.ts';
import type { Host } from './host.ts';
import { CommandRefused } from './refusal.ts';
import { counted, printable, table } from './table.ts';

interface ArchiveArguments {
  readonly config: string;
  readonly to: string;
  readonly json: boolean;
}

/** `audit verify`, `audit bundle`, `audit archive`, `audit key`, `audit rotate-key`, `audit checkpoint`, `audit events`, `audit prove` */
export function addAuditCommands(program: Command, host: Host, outcome: { code: number }): void {
  const audit = program.command('audit').description('what was done, and whether the record of it is whole');

  addAuditVerify(audit, host, outcome);
  addAuditBundle(audit, host);

  withCommon(audit.command('key'))
    .description('the key that signed checkpoints verify under, as C2SP signed-note writes it')
    .option('--all', 'every key that the log has had, and the size of the first checkpoint that each signs')
    .action(async (options: Common & { readonly all?: true }) => {
      const { key, size, keys } = await ask(host, options, (vault) => vault.audit.key());
      if (options.json)
        return host.print(JSON.stringify(options.all === true ? { key, size, keys } : { key }));
      if (options.all !== true) return host.print(printable(key));
      const lines = keys.map(({ from, key: one }) => [String(from), one]);
      host.print(table(['FROM', 'KEY'], lines));
      host.print(`As the log's first ${counted(size, 'event')} prove them.`);
    });

  withCommon(audit.command('rotate-key'))
    .description('give the log a new key, which the one before signs')
    .action(async (options: Common) => {
      const { key, before, from } = await ask(host, options, (vault) => vault.audit.rotateKey()).catch(
        inWords({
          conflict: 'the log has had 1,000 keys, and is given no more',
          integrity:
            'the key of the log does not open, and no other can be signed for: strongroom doctor says more',
        }),
      );
      if (options.json) return host.print(JSON.stringify({ key, before, from }));
      host.print(printable(key));
      host.print(
        before === null
          ? `The first key of this log: nobody could sign for it. It signs the checkpoints of ${from} events and more.`
          : `Signed by the key before, which is destroyed. It signs the checkpoints of ${from} events and more.`,
      );
    });

  withCommon(audit.command('checkpoint'))
    .option('--cosigned', 'the newest that a witness signed too', false)
    .description('the newest signed checkpoint of the log')
    .action(async ({ cosigned, ...options }: Common & { readonly cosigned: boolean }) => {
      const { size, checkpoint } = await ask(host, options, (vault) =>
        vault.audit.checkpoint({ cosigned }),
      ).catch(inWords({ not_found: cosigned ? UNWITNESSED : UNSIGNED }));
      host.print(options.json ? JSON.stringify({ size, checkpoint }) : asFile(checkpoint));
    });

  withCommon(audit.command('events'))
    .description('what was done with the collections that one may audit, a page at a time')
    .option('--collection <pattern>', 'of these collections alone, as acme/cards or acme/*')
    .option('--from <index>', 'from this event on; the first, unless said', indexIn)
    .option('--limit <n>', 'so many events at the most, 100 or fewer; 50, unless said', indexIn)
    .option('--proofs', 'with --json: a proof of each, which needs no vault to be checked')
    .action(async ({ json, collection, from, limit, proofs, ...common }: Common & EventOptions) => {
      if (proofs === true && !json) throw usage('proofs are printed with --json');
      const request = { ...given({ collection, from, limit }), ...(proofs === true ? { proofs } : {}) };
      const { requestId: _id, ...page } = await ask(host, { ...common, json }, (vault) =>
        vault.audit.events(request),
      ).catch(
        inWords({
          invalid_request:
            'a collection is a name such as acme/cards, or * for whole trailing segments; a page has 1 to 100 events',
          not_found: UNSIGNED,
        }),
      );
      if (json) return host.print(JSON.stringify(page));
      for (const { index, event } of page.events) host.print(printable(`${index} ${event}`));
      const { next, size } = page;
      host.print(
        next < size
          ? `Go on with --from ${next}; the log is signed up to ${size}.`
          : `That is all up to ${size}.`,
      );
    });

  withCommon(audit.command('prove').argument('<index>', 'of the event, from 0'))
    .description('a proof that an event is in the log of the newest checkpoint, with its bytes')
    .action(async (index: string, options: Common) => {
      const at = indexIn(index);
      const { proof, size } = await ask(host, options, (vault) => proven(vault, at));
      host.print(options.json ? JSON.stringify({ index: at, size, proof }) : asFile(proof));
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

const UNSIGNED =
  'no checkpoint of the log is signed yet: a vault that is served signs one within a second or two';
const UNWITNESSED = 'no witness has cosigned a checkpoint of the log yet';

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

interface EventOptions {
  readonly collection?: string;
  readonly from?: number;
  readonly limit?: number;
  readonly proofs?: true;
}

/** What was said of some options. */
const given = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

function indexIn(text: string): number {
  if (!/^(?:0|[1-9]\d{0,14})$/.test(text)) throw usage('an event is named by its index, from 0');
  return Number(text);
}

/** Lines, as whoever answered wrote them but for what moves a terminal. Its own last newline is the one that printing adds. */
const asFile = (text: string): string => text.replace(/\n$/, '').split('\n').map(printable).join('\n');
