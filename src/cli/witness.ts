import type { Command } from 'commander';
import { usage } from './ask.ts';
import type { Host, WitnessReport } from './host.ts';
import { printable, table } from './table.ts';

interface InFolder {
  readonly dir: string;
}

/** `witness`: a process of its own, which has no vault. */
export function addWitnessCommands(program: Command, host: Host, outcome: { code: number }): void {
  const witness = program.command('witness').description('a witness of logs, for auditors to run');
  const command = (name: string): Command =>
    witness.command(name).option('--dir <dir>', 'the folder of the witness', '.');

  command('init')
    .description('make a witness: a key, settings and an empty state; print its verifier key')
    .requiredOption('--name <name>', 'what it signs as: a URL without a scheme, as witness.example/w1')
    .action(async ({ dir, name }: InFolder & { name: string }) =>
      host.print(await host.witness.init(dir, name)),
    );

  command('trust')
    .argument('<key>', 'the verifier key of a log, as strongroom audit key prints it')
    .description('witness one more log, or take a log under one more key')
    .action(async (key: string, { dir }: InFolder) => {
      const { origin, keys } = await host.witness.trust(dir, key);
      host.print(`${printable(origin)} is witnessed${keys === 1 ? '' : ` under ${keys} keys`}.`);
    });

  command('serve')
    .description('answer add-checkpoint (C2SP tlog-witness) over HTTP')
    .action(({ dir }: InFolder) => host.witness.serve(dir));

  command('show')
    .option('--json', 'print JSON, with the checkpoints', false)
    .description('what was seen of each log, to compare; exit 1 where a log contradicts what was seen')
    .action(async ({ dir, json }: InFolder & { json: boolean }) => {
      const report = await host.witness.show(dir);
      const isWhole = report.past.every(({ what }) => what !== 'contradiction');
      if (!isWhole) outcome.code = 1;
      if (json) host.print(JSON.stringify({ ok: isWhole, ...dated(report) }));
      else for (const text of told(report)) host.print(text);
    });

  command('forget')
    .argument('<origin>', 'of the log, as witness show has it')
    .requiredOption('--reason <text>', 'why; it is kept with what is forgotten')
    .description('let go what was seen of a log that was honestly restored from an older backup')
    .action(async (origin: string, { dir, reason }: InFolder & { reason: string }) => {
      if (!/^[^\p{Cc}]{1,500}$/u.test(reason)) throw usage('--reason is one line of 1 to 500 characters');
      const size = await host.witness.forget(dir, origin, reason);
      host.print(
        `Forgotten: ${printable(origin)} at size ${size}. Its next checkpoint is taken as a first one.`,
      );
    });
}

const timeOf = (at: number): string => new Date(at).toISOString();

const dated = ({ key, logs, past }: WitnessReport) => ({
  key,
  logs: logs.map(({ newest, ...log }) => ({
    ...log,
    newest: newest === null ? null : { ...newest, at: timeOf(newest.at) },
  })),
  past: past.map((one) => ({ ...one, at: timeOf(one.at) })),
});

function* told({ key, logs, past }: WitnessReport): Generator<string> {
  yield key;
  const lines = logs.map(({ origin, keys, newest }) => [
    origin,
    String(keys),
    newest === null ? '' : String(newest.size),
    newest?.root ?? '',
    newest === null ? 'nothing yet' : timeOf(newest.at),
  ]);
  yield lines.length === 0
    ? 'No log is witnessed: strongroom witness trust KEY adds one.'
    : table(['LOG', 'KEYS', 'SIZE', 'ROOT', 'COSIGNED LAST'], lines);
  if (past.length === 0) return;
  const happened = past.map(({ what, origin, size, root, at, reason }) => [
    timeOf(at),
    what,
    origin,
    String(size),
    root,
    reason,
  ]);
  yield table(['TIME', 'WHAT', 'LOG', 'SIZE', 'ROOT', 'REASON'], happened);
}
