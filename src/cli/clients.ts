import { type Command, InvalidArgumentError, Option } from 'commander';
import { addClientRequest } from '../wire/clients.ts';
import { ask, type Common, withCommon } from './ask.ts';
import { CommandRefused, type Host } from './host.ts';
import { printable, table } from './table.ts';
import { VaultError } from '../vault/error.ts';
import { kindOf, KINDS, parseGrant, roleOf } from '../vault/policy/grant.ts';
import type { Code } from '../wire/codes.ts';

interface AddOptions extends Common {
  readonly grant: readonly string[];
  readonly kind: string;
  readonly expires?: number;
}

/** `clients add | list | revoke` */
export function addClientCommands(program: Command, host: Host): void {
  const clients = program.command('clients').description('who may ask the vault, and for what');

  withCommon(clients.command('add'))
    .description('add a client and print its API key, once')
    .argument('<name>', 'of a to z, 0 to 9 and -')
    .requiredOption('--grant <grant>', 'action:collection[@purpose] or role:name; repeatable', collect)
    .addOption(new Option('--kind <kind>', 'what it is').choices(KINDS).default('service'))
    .option('--expires <time>', 'from now, as 90d, 12h or 30m', duration)
    .action(async (name: string, options: AddOptions) => {
      const { grant: grants, kind, expires } = options;
      const expiresAt = expires === undefined ? null : new Date(host.now() + expires).toISOString();
      const parsed = addClientRequest.safeParse({ name, kind, grants, expiresAt });
      if (!parsed.success) {
        throw new CommandRefused(
          'a client has a name of a-z, 0-9 and -, a kind (service, custodian, auditor) and 1 to 32 grants',
        );
      }
      for (const [i, text] of grants.entries()) {
        const grant = roleOf(text) === null ? parseGrant(text) : null;
        if (typeof grant === 'string') throw new CommandRefused(`grant ${i + 1}: ${grant}`);
        if (grant !== null && kindOf(grant) !== kind)
          throw new CommandRefused(`grant ${i + 1}: ${grant.action} is for --kind ${kindOf(grant)}`);
      }
      const { id, key, idle } = await ask(host, options, (vault) => vault.clients.add(parsed.data)).catch(
        inWords({
          invalid_request: `one of the grants is refused: a ${kind} cannot hold what it grants, or the active policy has no such role`,
          conflict: `there is a client called ${name}: names of revoked clients stay taken`,
          value_in_clear: 'the name holds an account number: a name is kept in clear',
        }),
      );
      if (options.json) host.print(JSON.stringify({ id, name, key, idle }));
      else {
        for (const grant of idle)
          host.printError(
            `${printable(grant)} allows nothing yet: the active policy lacks its collection or purpose.`,
          );
        host.printError(`${name} (${printable(id)}) was added. This is its API key; it is not shown again:`);
        host.print(printable(key));
      }
    });

  withCommon(clients.command('list'))
    .description('list clients and their grants')
    .action(async (options: Common) => {
      const answer = await ask(host, options, (vault) => vault.clients.list());
      if (options.json) return host.print(JSON.stringify(answer.clients));
      const rows = answer.clients.map(({ name, id, kind, state, expiresAt, grants }) => [
        name,
        id,
        kind,
        state,
        expiresAt ?? 'never',
        grants.join(' '),
      ]);
      host.print(table(['NAME', 'ID', 'KIND', 'STATE', 'EXPIRES', 'GRANTS'], rows));
    });

  withCommon(clients.command('revoke'))
    .description('end a client for good')
    .argument('<name>', 'its name or id')
    .action(async (client: string, options: Common) => {
      const { id, name, state } = await ask(host, options, (vault) => vault.clients.revoke({ client })).catch(
        inWords({ not_found: 'there is no client of that name or id: clients list shows them' }),
      );
      host.print(
        options.json ? JSON.stringify({ id, name, state }) : printable(`${name} (${id}) is ${state}.`),
      );
    });
}

/** What a code means for this command: the vault's own sentences are for any caller of any route. */
export const inWords =
  (sentences: { readonly [C in Code]?: string }) =>
  (error: unknown): never => {
    const sentence = error instanceof VaultError ? sentences[error.code] : undefined;
    throw sentence === undefined ? error : new CommandRefused(sentence);
  };

const collect = (one: string, all: readonly string[] = []): readonly string[] => [...all, one];

const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** `90d`, in milliseconds. */
function duration(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([dhm])$/.exec(text) ?? [];
  const milliseconds = unit === undefined ? undefined : UNITS[unit];
  if (milliseconds === undefined) throw new InvalidArgumentError('as 90d, 12h or 30m');
  return Number(count) * milliseconds;
}
