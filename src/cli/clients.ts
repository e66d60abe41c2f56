import { type Command, Option } from 'commander';
import { addClientRequest } from '../wire/clients.ts';
import { addChangeCommands } from './client-changes.ts';
import { CLIENT_TITLES, clientCells, clientLines } from './client-lines.ts';
import { ask, type Common, withCommon } from './ask.ts';
import { CommandRefused } from './refusal.ts';
import { type Host } from './host.ts';
import { printable, table } from './table.ts';
import { collect, duration, inWords, mustBeSubnets, NOBODY, told } from './client-words.ts';
import { kindOf, KINDS, parseGrant, roleOf } from '../vault/policy/grant.ts';

interface AddOptions extends Common {
  readonly grant: readonly string[];
  readonly kind: string;
  readonly expires?: number;
  readonly from?: readonly string[];
}

/** `clients add | list | show | revoke`, and what changes one. */
export function addClientCommands(program: Command, host: Host): void {
  const clients = program.command('clients').description('who may ask the vault, and for what');

  withCommon(clients.command('add'))
    .description('add a client and print its API key, once')
    .argument('<name>', 'of a to z, 0 to 9 and -')
    .requiredOption('--grant <grant>', 'action:collection[@purpose] or role:name; repeatable', collect)
    .addOption(new Option('--kind <kind>', 'what it is').choices(KINDS).default('service'))
    .option('--expires <time>', 'from now, as 90d, 12h or 30m', duration)
    .option('--from <subnet>', 'where it may call from, as 10.0.0.0/8; repeatable', collect)
    .action(async (name: string, options: AddOptions) => {
      const { grant: grants, kind, expires, from = [] } = options;
      const expiresAt = expires === undefined ? null : new Date(host.now() + expires).toISOString();
      const parsed = addClientRequest.safeParse({ name, kind, grants, expiresAt, from });
      if (!parsed.success) {
        throw new CommandRefused(
          'a client has a name of a-z, 0-9 and -, a kind (service, custodian, auditor), 1 to 32 grants and up to 16 subnets',
        );
      }
      for (const [i, text] of grants.entries()) {
        const grant = roleOf(text) === null ? parseGrant(text) : null;
        if (typeof grant === 'string') throw new CommandRefused(`grant ${i + 1}: ${grant}`);
        if (grant !== null && kindOf(grant) !== kind)
          throw new CommandRefused(`grant ${i + 1}: ${grant.action} is for --kind ${kindOf(grant)}`);
      }
      mustBeSubnets(from);
      const { id, key, idle } = await ask(host, options, (vault) => vault.clients.add(parsed.data)).catch(
        inWords({
          invalid_request: `one of the grants is refused: the active policy has no such role, or one that --kind ${kind} cannot hold`,
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
        host.print(printable(told(key)));
      }
    });

  withCommon(clients.command('list'))
    .description('list clients and their grants')
    .action(async (options: Common) => {
      const answer = await ask(host, options, (vault) => vault.clients.list());
      if (options.json) return host.print(JSON.stringify(answer.clients));
      host.print(table(CLIENT_TITLES, answer.clients.map(clientCells)));
    });

  withCommon(clients.command('show'))
    .description('show a client: its keys by id, where it may call from, what it is narrowed to')
    .argument('<name>', 'its name or id')
    .action(async (named: string, options: Common) => {
      const { client } = await ask(host, options, (vault) => vault.clients.show({ client: named })).catch(
        inWords({ not_found: NOBODY }),
      );
      if (options.json) return host.print(JSON.stringify(client));
      for (const line of clientLines(client, host.now())) host.print(line);
    });

  addChangeCommands(clients, host);

  withCommon(clients.command('revoke'))
    .description('end a client for good')
    .argument('<name>', 'its name or id')
    .action(async (client: string, options: Common) => {
      const { id, name, state } = await ask(host, options, (vault) => vault.clients.revoke({ client })).catch(
        inWords({ not_found: NOBODY }),
      );
      host.print(
        options.json ? JSON.stringify({ id, name, state }) : printable(`${name} (${id}) is ${state}.`),
      );
    });
}
