import type { NewStore } from './cli/host.ts';
import type { Settings } from './config/settings.ts';

/** Paths are absolute, or from the folder of the settings. YAML takes a text as JSON has it. */
function storeLine(store: NewStore | null): string {
  if (store === null) return '{ url: "sqlite:data/strongroom.db" }';
  const { url, passwordFile, ca } = store;
  const password = passwordFile === null ? '' : `, password: { file: ${JSON.stringify(passwordFile)} }`;
  return `{ url: ${JSON.stringify(url)}${password}${ca === null ? '' : `, ca: ${JSON.stringify(ca)}`} }`;
}

/** What a new vault starts with: a policy to try and to change. */
export const starter = (
  store: NewStore | null,
): string => `# Strongroom: settings of this process, then the vault's policy. docs/configuration.md explains every key.
vault: { name: my-vault, environment: development }   # in key prefixes and tokens; the environment is fixed
server: { host: 127.0.0.1, port: 7420 }               # off loopback: tls: { cert, key }, or proxy: { addresses }
store: ${storeLine(store)}
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

/** What the first key may do: the starter policy's own example. */
export const FIRST_GRANTS = ['role:settlement-service'];

/** Lines to paste: a card number in, a token out, the card number back for a purpose, and refused without one. */
export const transcript = (firstKey: string, { server: { host, port, tls } }: Settings): string[] => [
  'Try it, in another terminal:',
  '',
  `ask() { curl -s "${tls === null ? 'http' : 'https'}://${host}:${port}/v1/$1" -H @${firstKey} -H 'Content-Type: application/json' -d "$2"; echo; }`,
  `ask tokenise '{"items":[{"collection":"customer-pan","value":"4111 1111 1111 1111"}]}' | tee token.json`,
  `TOKEN=$(sed 's/.*"token":"\\([0-9]*\\)".*/\\1/' token.json)`,
  `ask detokenise '{"purpose":"settlement","items":[{"collection":"customer-pan","token":"'$TOKEN'"}]}'`,
  `ask detokenise '{"items":[{"collection":"customer-pan","token":"'$TOKEN'"}]}'`,
];
