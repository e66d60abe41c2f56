import type { Listing } from '../formats/listing.ts';

/** docs/formats.md, from the catalogue: its test says how to renew it. */
export function formatsPage(listings: readonly Listing[]): string {
  return [HEAD, overview(listings), ...listings.map(section)].join('\n\n');
}

const HEAD = `# Formats

A collection has one format: it says what a value is, how it is normalised, what its tokens look like, and what a mask
shows. This page is printed by \`strongroom formats --markdown\` from the catalogue that the vault runs;
\`strongroom formats\` and \`strongroom formats NAME\` say the same on a terminal, and \`--json\` for scripts.

- A value is given back in its normal form; \`text\` and \`credential\` come back byte for byte.
- A token never equals its value. Where no token could be another value, one that is live is refused as a value, as
  \`already_token\`.
- A token that could be somebody's, to pay or to be paid, wants \`payable: accepted\`.
- A **bucket** is the set of tokens that one value can get: those that share what its token keeps. The smallest must
  have 90,000, and 20 for each value of \`expect\`.
- Where so few values are possible that a caller could try them all, \`tokens: deterministic\` wants
  \`guessable: accepted\`.
- A mask hides at least half of the shortest value that is accepted.
- Keys in *italics* are fixed at the first value, as are \`format\` and \`tokens\`. The keys that every collection has are
  in [configuration](configuration.md#policy-of-the-vault).`;

function overview(listings: readonly Listing[]): string {
  const rows = listings.map(
    ({ name, example, disjoint }) =>
      `| [\`${name}\`](#${name}) | \`${example.value}\` | \`${example.token}\` | ${disjoint ? 'no' : 'yes'} |`,
  );
  return [
    '| format | a value | its token | could be another value |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function section({ name, title, value, token, example, smallest, guessable, keys }: Listing): string {
  const parts = [
    `## ${name}`,
    `${title}.`,
    `**Value.** ${value}`,
    `**Token.** ${token}`,
    `**Example.** \`${written(example.collection)}\`: the value \`${example.value}\` (${example.source}) may get the token \`${example.token}\`, and its mask is \`${example.mask}\`. Its smallest bucket (${smallest.of}) has ${counted(smallest.tokens)} tokens. Deterministic, it ${guessable ? 'needs' : 'does not need'} \`guessable: accepted\`.`,
  ];
  if (keys.length === 0) return [...parts, 'It has no keys of its own.'].join('\n\n');
  const rows = keys.map(({ key, unless, meaning, fixed }) => {
    const cell = fixed ? `*\`${key}\`*` : `\`${key}\``;
    return `| ${cell} | ${unless === null ? 'nothing' : `\`${written(unless)}\``} | ${meaning} |`;
  });
  return [...parts, ['| key | unless said | meaning |', '| --- | --- | --- |', ...rows].join('\n')].join(
    '\n\n',
  );
}

/** 90,000, and 1.2 × 10^39 where nobody counts the digits. */
function counted(tokens: string): string {
  if (tokens.length <= 15) return tokens.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
  return `${tokens.slice(0, 1)}.${tokens.slice(1, 2)} × 10^${tokens.length - 1}`;
}

/** As strongroom.yaml has it. */
export function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const inner = Object.entries(value).map(([key, each]) => `${key}: ${written(each)}`);
    return `{ ${inner.join(', ')} }`;
  }
  return typeof value === 'string' ? value : value === null ? 'nothing' : JSON.stringify(value);
}
