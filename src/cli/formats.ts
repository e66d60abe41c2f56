import { Argument, type Command, Option } from 'commander';
import { FORMAT_NAMES } from '../formats/catalogue.ts';
import { type Listing, listFormats } from '../formats/listing.ts';
import type { Host } from './host.ts';
import { formatsPage, written } from './formats-page.ts';
import { table } from './table.ts';

interface FormatsOptions {
  readonly json?: true;
  readonly markdown?: true;
}

/** `formats`: what a collection may hold, with what its tokens look like. It needs no vault. */
export function addFormatsCommand(program: Command, host: Host): void {
  program
    .command('formats')
    .description('the formats that a collection may have, with examples')
    .addArgument(new Argument('[name]', 'one of them, in full').choices(FORMAT_NAMES))
    .addOption(new Option('--json', 'print JSON').conflicts('markdown'))
    .option('--markdown', 'print the page docs/formats.md')
    .action((name: string | undefined, options: FormatsOptions) => {
      const listings = listFormats().filter((each) => name === undefined || each.name === name);
      if (options.json) return host.print(JSON.stringify(listings));
      if (options.markdown) return host.print(formatsPage(listings));
      host.print(name === undefined ? overview(listings) : listings.map(inFull).join('\n'));
    });
}

function overview(listings: readonly Listing[]): string {
  const rows = listings.map(({ name, title, example }) => [name, title, example.value, example.token]);
  return `${table(['FORMAT', 'IS', 'A VALUE', 'ITS TOKEN'], rows)}\n\nstrongroom formats NAME says all of one.`;
}

function inFull({
  name,
  title,
  value,
  token,
  example,
  smallest,
  disjoint,
  guessable,
  keys,
}: Listing): string {
  const rows = keys.map(({ key, unless, meaning, fixed }) => [
    key,
    written(unless),
    `${plain(meaning)}${fixed ? ' (fixed at the first value)' : ''}`,
  ]);
  return [
    `${name}: ${title}`,
    '',
    `Value    ${plain(value)}`,
    `Token    ${plain(token)}`,
    '',
    `Example  ${example.value} (${example.source})`,
    `  token  ${example.token}`,
    `  mask   ${example.mask}`,
    `  of     ${written(example.collection)}`,
    '',
    `Tokens in its smallest bucket (${smallest.of}): ${smallest.tokens}`,
    disjoint ? 'No token is a value.' : 'A token could be another value.',
    ...(guessable ? ['With tokens: deterministic it needs guessable: accepted.'] : []),
    ...(rows.length === 0 ? [] : ['', table(['KEY', 'UNLESS SAID', 'MEANING'], rows)]),
  ].join('\n');
}

/** Markdown's marks are not for a terminal. */
const plain = (text: string): string => text.replaceAll('`', '');
