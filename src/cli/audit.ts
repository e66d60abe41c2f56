import type { Command } from 'commander';
import { ask, type Common, withCommon } from './ask.ts';
import type { Host } from './host.ts';
import { table } from './table.ts';

/** `audit verify` */
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
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
