import type { Command } from 'commander';
import { usage } from './ask.ts';
import type { Host } from './host.ts';

interface InitArguments {
  readonly dir: string;
  readonly ifAbsent: boolean;
  readonly firstKey: boolean;
  readonly store?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
  readonly as?: string;
  readonly asPasswordFile?: string;
}

/** `init` */
export function addInitCommand(program: Command, host: Host): void {
  program
    .command('init')
    .description('make a vault: strongroom.yaml, a master key, an empty store')
    .option('--dir <dir>', 'the folder to make it in', '.')
    .option('--if-absent', 'do nothing where there is one already', false)
    .option('--first-key', 'write an API key for a first try, which expires in a day', false)
    .option('--store <url>', 'postgres://ROLE@HOST/DATABASE, an empty database; a SQLite file unless said')
    .option('--password-file <file>', 'with --store: a file with the password of that role')
    .option('--ca <file>', 'with --store: a PEM file of the authorities that may vouch for the server')
    .option('--as <role>', 'with --store: the role that will own the tables; that of the URL unless said')
    .option('--as-password-file <file>', 'with --as: a file with its password')
    .action(async ({ dir, ifAbsent, firstKey, store, ...more }: InitArguments) => {
      const { passwordFile, ca, as, asPasswordFile } = more;
      if (store === undefined && Object.values(more).some((option) => option !== undefined))
        throw usage('--password-file, --ca, --as and --as-password-file go with --store');
      if (as === undefined && asPasswordFile !== undefined) throw usage('--as-password-file goes with --as');
      const shared =
        store === undefined
          ? null
          : {
              url: store,
              passwordFile: passwordFile ?? null,
              ca: ca ?? null,
              by: as === undefined ? null : { role: as, passwordFile: asPasswordFile ?? null },
            };
      const { said } = await host.init({ dir, ifAbsent, firstKey, store: shared });
      for (const line of said) host.print(line);
    });
}
