import { Argument, type Command } from 'commander';
import type { ChangedClient } from '../vault/access/change.ts';
import type { Restriction } from '../vault/policy/decide.ts';
import { admitClientRequest, suspendClientRequest } from '../wire/clients.ts';
import { ask, type Common, usage, withCommon } from './ask.ts';
import { collect, duration, inWords, mustBeSubnets, NOBODY, told } from './client-words.ts';
import { CommandRefused } from './refusal.ts';
import { type Host } from './host.ts';
import { printable } from './table.ts';

interface RestrictOptions extends Common {
  readonly for?: number;
  readonly reason?: string;
}

const REVOKED = 'the client is revoked, and a revocation is final: add another one';
const IN_CLEAR = 'the reason holds an account number: a reason is kept in clear';
const KINDS = ['masked', 'approval', 'throttled'] as const satisfies readonly Restriction[];
type Kind = (typeof KINDS)[number];
const kindArgument = (): Argument =>
  new Argument('<restriction>', 'what its grants are narrowed to').choices(KINDS);

/** `clients rotate | retire | suspend | resume | restrict | lift | expire | admit` */
export function addChangeCommands(clients: Command, host: Host): void {
  const at = (time: number | undefined): string | null =>
    time === undefined ? null : new Date(host.now() + time).toISOString();
  const tell = ({ id, name, state }: ChangedClient, { json }: Common, what: string): void =>
    host.print(json ? JSON.stringify({ id, name, state }) : printable(`${name} (${id}) ${what}.`));

  withCommon(clients.command('rotate'))
    .description('print a new API key, once, in place of the one before')
    .argument('<name>', 'its name or id')
    .option('--overlap <time>', 'how long the key before is taken too; not at all, unless said', duration)
    .action(async (client: string, options: Common & { readonly overlap?: number }) => {
      const asked = { client, priorKeyUntil: at(options.overlap) };
      const { id, name, key, priorKeyUntil } = await ask(host, options, (vault) =>
        vault.clients.rotate(asked),
      ).catch(
        inWords({
          not_found: NOBODY,
          conflict:
            'the client is revoked, or an earlier key is still taken: wait for its end, or leave out --overlap to end both',
          invalid_request: 'an overlap is 30d at most',
        }),
      );
      if (options.json) return host.print(JSON.stringify({ id, name, key, priorKeyUntil }));
      const prior =
        priorKeyUntil === null ? 'is not taken any more' : `is taken until ${printable(priorKeyUntil)}`;
      host.printError(
        `${printable(`${name} (${id})`)} has a new API key. The one before ${prior}. The new one, which is not shown again:`,
      );
      host.print(printable(told(key)));
    });

  withCommon(clients.command('retire'))
    .description('end the key before the current one, while it is still taken')
    .argument('<name>', 'its name or id')
    .action(async (client: string, options: Common) => {
      const changed = await ask(host, options, (vault) => vault.clients.retire({ client })).catch(
        inWords({
          not_found: NOBODY,
          conflict: 'the client has no earlier key that is taken, or it is revoked',
        }),
      );
      tell(changed, options, 'has one key: the one before it is not taken any more');
    });

  withRestricting(clients.command('suspend').argument('<name>', 'its name or id'))
    .description('refuse all that a client asks, until it is resumed')
    .action(async (client: string, options: RestrictOptions) => {
      const request = { client, ...restrictingOf(options, at) };
      const changed = await ask(host, options, (vault) => vault.clients.suspend(request)).catch(
        inWords({ not_found: NOBODY, conflict: REVOKED, value_in_clear: IN_CLEAR }),
      );
      tell(changed, options, `is suspended${ending(request.until)}`);
    });

  withCommon(clients.command('resume'))
    .description('end a suspension')
    .argument('<name>', 'its name or id')
    .action(async (client: string, options: Common) => {
      const changed = await ask(host, options, (vault) => vault.clients.resume({ client })).catch(
        inWords({ not_found: NOBODY, conflict: 'the client is not suspended, or it is revoked' }),
      );
      tell(changed, options, `is ${changed.state}`);
    });

  withRestricting(
    clients.command('restrict').argument('<name>', 'its name or id').addArgument(kindArgument()),
  )
    .description('narrow what a service is shown, until that is lifted')
    .action(async (client: string, restriction: Kind, options: RestrictOptions) => {
      const request = { client, restriction, ...restrictingOf(options, at) };
      const changed = await ask(host, options, (vault) => vault.clients.restrict(request)).catch(
        inWords({
          not_found: NOBODY,
          conflict: REVOKED,
          value_in_clear: IN_CLEAR,
          invalid_request: 'only a service is shown values: suspend narrows the others',
        }),
      );
      tell(changed, options, `is restricted: ${restriction}${ending(request.until)}`);
    });

  withCommon(clients.command('lift'))
    .description('end a restriction')
    .argument('<name>', 'its name or id')
    .addArgument(kindArgument())
    .action(async (client: string, restriction: Kind, options: Common) => {
      const changed = await ask(host, options, (vault) => vault.clients.lift({ client, restriction })).catch(
        inWords({ not_found: NOBODY, conflict: 'the client is not restricted so, or it is revoked' }),
      );
      tell(changed, options, `is not restricted any more: ${restriction}`);
    });

  withCommon(clients.command('expire'))
    .description('set when a client expires')
    .argument('<name>', 'its name or id')
    .option('--in <time>', 'from now, as 90d, 12h or 30m', duration)
    .option('--never', 'not at all')
    .action(async (client: string, options: Common & { readonly in?: number; readonly never?: true }) => {
      if ((options.in === undefined) === (options.never === undefined))
        throw usage('say --in TIME, or --never');
      const expiresAt = at(options.in);
      const changed = await ask(host, options, (vault) => vault.clients.expire({ client, expiresAt })).catch(
        inWords({ not_found: NOBODY, conflict: REVOKED }),
      );
      tell(changed, options, expiresAt === null ? 'never expires' : `expires at ${expiresAt}`);
    });

  withCommon(clients.command('admit'))
    .description('set where a client may call from, in place of what was said before')
    .argument('<name>', 'its name or id')
    .option('--from <subnet>', 'as 10.0.0.0/8 or 2001:db8::/32; repeatable', collect)
    .option('--anywhere', 'from any address')
    .action(
      async (
        client: string,
        options: Common & { readonly from?: readonly string[]; readonly anywhere?: true },
      ) => {
        const { from = [] } = options;
        if ((from.length === 0) === (options.anywhere === undefined))
          throw usage('say --from SUBNET, once or more, or --anywhere');
        mustBeSubnets(from);
        if (!admitClientRequest.safeParse({ client, from }).success)
          throw new CommandRefused('a client has 16 subnets at most');
        const changed = await ask(host, options, (vault) =>
          vault.clients.admit({ client, from: [...from] }),
        ).catch(inWords({ not_found: NOBODY, conflict: REVOKED }));
        tell(changed, options, `may call from ${from.length === 0 ? 'anywhere' : from.join(' ')}`);
      },
    );
}

const withRestricting = (command: Command): Command =>
  withCommon(command)
    .option('--for <time>', 'how long, as 2h, 30m or 7d; until it is ended, unless said', duration)
    .option('--reason <text>', 'why, for whoever reads it later: kept in clear');

function restrictingOf(
  { for: time, reason }: RestrictOptions,
  at: (time: number | undefined) => string | null,
): { readonly until: string | null; readonly reason?: string } {
  if (reason !== undefined && !suspendClientRequest.shape.reason.safeParse(reason).success)
    throw new CommandRefused('a reason is 1 to 128 letters, digits, spaces and .:#/,()-');
  return { until: at(time), ...(reason === undefined ? {} : { reason }) };
}

const ending = (until: string | null): string => (until === null ? '' : ` until ${until}`);
