import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InitOptions, InitReport } from './cli/host.ts';
import { CommandRefused } from './cli/host.ts';
import { readConfig } from './config/settings.ts';
import { writeKeyFile } from './masterkey/file.ts';
import { found, open, type Opening } from './open.ts';
import { base58 } from './vault/base58.ts';
import type { Caller } from './vault/call.ts';
import type { World } from './vault/core.ts';

/** What a new vault starts with: a policy to try and to change. */
const STARTER = `# Strongroom: settings of this process, then the vault's policy. docs/configuration.md explains every key.
vault: { name: my-vault, environment: development }   # in key prefixes and tokens; leave it once it has clients
server: { host: 127.0.0.1, port: 7420 }               # off loopback: tls: { cert, key }, or proxy: { addresses }
store: { url: "sqlite:data/strongroom.db" }
masterKey: { provider: file, path: keys }

purposes:
  settlement: { basis: contract }                     # why a value may be wanted, and the lawful basis of it
  support: { basis: legitimate-interests }

collections:
  customer-pan:                                       # card numbers
    format: pan
    lengths: { min: 15, max: 19 }
    keep: { first: 6, last: 4 }                       # a token shows these digits of its card
    luhn: invalid                                     # a token fails the Luhn check: it cannot be taken for a card
    tokens: random
    purposes: [settlement]
    mask: { last: 4 }
  partner-secret:                                     # any text up to 4 KiB
    format: text
    purposes: [support]

roles:
  settlement-service: ["tokenise:customer-pan", "detokenise:customer-pan@settlement"]
`;

const DAY = 24 * 60 * 60 * 1000;

export interface Initialising {
  readonly world: World;
  readonly groups: readonly number[];
  readonly caller: Caller;
}

/** The folder's files. */
const filesOf = (dir: string) => ({
  config: join(dir, 'strongroom.yaml'),
  keys: join(dir, 'keys'),
  data: join(dir, 'data'),
  ignore: join(dir, '.gitignore'),
  firstKey: join(dir, 'first-key'),
});

/** Makes a vault in a folder: settings, a master key, an empty store, and where asked a first API key. */
export async function init({ dir, ifAbsent, firstKey }: InitOptions, by: Initialising): Promise<InitReport> {
  const files = filesOf(dir);
  if (existsSync(files.config)) {
    if (!ifAbsent) throw new CommandRefused(`${files.config} is there already: nothing was changed`);
    return { created: false, said: [`Using the vault in ${dir}.`] };
  }
  if (existsSync(files.keys)) {
    throw new CommandRefused(`${files.keys} is there without a strongroom.yaml: move it away first`);
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const { random } = by.world;
  writeKeyFile(files.keys, `mk_${base58(random(8), 12)}`, random(32));
  if (!existsSync(files.ignore)) writeFileSync(files.ignore, '/keys\n/data/\n/first-key\n');
  const key = await firstVault(dir, firstKey, by);
  if (key !== null)
    writeFileSync(files.firstKey, `Authorization: Bearer ${key}\n`, { mode: 0o600, flag: 'wx' });
  // Last: where the settings stand, the rest is there too.
  writeFileSync(files.config, STARTER, { mode: 0o600, flag: 'wx' });
  return { created: true, said: report(files, key !== null) };
}

/** Founds the vault and applies the starter policy. */
async function firstVault(
  dir: string,
  firstKey: boolean,
  { world, groups, caller }: Initialising,
): Promise<string | null> {
  const config = readConfig(STARTER, dir);
  if ('problems' in config) throw new CommandRefused('the starter settings do not read');
  const onFatal = (reason: string): never => {
    throw new CommandRefused(reason);
  };
  const opening: Opening = { settings: config.settings, world, groups, onFatal };
  if (!(await found(opening))) throw new CommandRefused(`${dir} holds a store already: nothing was changed`);
  const vault = await open(opening);
  try {
    await vault.applyPolicy(caller, config.policy);
    if (!firstKey) return null;
    const expiresAt = new Date(world.now() + DAY).toISOString();
    const grants = ['role:settlement-service'];
    const added = await vault
      .bind(caller)
      .clients.add({ name: 'first-try', kind: 'service', grants, expiresAt });
    return added.key;
  } finally {
    await vault.close();
  }
}

function report(files: ReturnType<typeof filesOf>, firstKey: boolean): string[] {
  return [
    'Made a vault:',
    `  ${files.config}  settings and policy`,
    `  ${files.keys}  the master key. Back it up apart from the store: without it nothing can be read again`,
    `  ${files.data}/  the store`,
    ...(firstKey
      ? [`  ${files.firstKey}  an API key to try it with, for a day`, '', ...transcript(files.firstKey)]
      : []),
  ];
}

/** Lines to paste: a card number in, a token out, the card number back for a purpose, and refused without one. */
const transcript = (firstKey: string): string[] => [
  'Try it, in another terminal:',
  '',
  `ask() { curl -s "http://127.0.0.1:7420/v1/$1" -H @${firstKey} -H 'Content-Type: application/json' -d "$2"; echo; }`,
  `ask tokenise '{"items":[{"collection":"customer-pan","value":"4111 1111 1111 1111"}]}' | tee token.json`,
  `TOKEN=$(sed 's/.*"token":"\\([0-9]*\\)".*/\\1/' token.json)`,
  `ask detokenise '{"purpose":"settlement","items":[{"collection":"customer-pan","token":"'$TOKEN'"}]}'`,
  `ask detokenise '{"items":[{"collection":"customer-pan","token":"'$TOKEN'"}]}'`,
];
