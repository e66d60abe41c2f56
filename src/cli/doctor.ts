import type { Command } from 'commander';
import type { Host } from './host.ts';
import { printable, table } from './table.ts';

/** `doctor` */
export function addDoctorCommand(program: Command, host: Host, outcome: { code: number }): void {
  program
    .command('doctor')
    .description('look for what is wrong with the vault on this host, and change nothing')
    .option('--config <file>', 'settings and policy', 'strongroom.yaml')
    .option('--json', 'print JSON', false)
    .action(async ({ config, json }: { config: string; json: boolean }) => {
      const { findings, unchecked } = await host.doctor(config);
      const ok = findings.length === 0;
      outcome.code = ok ? 0 : 1;
      if (json) return host.print(JSON.stringify({ ok, findings, unchecked }));
      if (ok) host.print('Nothing is wrong.');
      else
        host.print(
          table(
            ['SEVERITY', 'ID', 'FINDING'],
            findings.map(({ id, severity, sentence }) => [severity, id, sentence]),
          ),
        );
      for (const what of unchecked) host.print(`Not looked at: ${printable(what)}.`);
    });
}
