import type { AccessChange, IdleGrant, PolicyChange } from '../wire/policy.ts';
import type { Comparison } from '../vault/policy/comparison.ts';
import { printable } from './table.ts';

/** A comparison in words, a line for each thing. */
export function comparisonLines({ number, same, changes, access, idle, more }: Comparison): string[] {
  if (same) return [`It says what policy ${number} says, which is active.`];
  return [
    `Against policy ${number}, which is active:`,
    ...(changes.length === 0 ? ['  the text alone differs'] : changes.map(changeLine).map(indented)),
    ...others(more.changes),
    ...(access.length === 0
      ? ['Nobody gains or loses anything.']
      : ['Who gains and loses what:', ...accessLines(access).map(indented)]),
    ...others(more.access),
    ...(idle.length === 0
      ? []
      : ['Grants that allow nothing any more:', ...idle.map(idleLine).map(indented)]),
    ...others(more.idle),
  ];
}

/** What a policy changes, a line for each thing. */
export const changeLines = (changes: readonly PolicyChange[]): string[] =>
  changes.map(changeLine).map(printable);

const indented = (line: string): string => `  ${printable(line)}`;
const others = (more: number): string[] => (more === 0 ? [] : [`  and ${more} more`]);

function changeLine(one: PolicyChange): string {
  const { what, name, change, option, from, to, fixed } = one;
  if (what === 'audit' && name === 'anchors') return anchorsLine(one);
  switch (change) {
    case 'added':
      return `${what} ${name} is new${to === undefined ? '' : `: ${option} ${to}`}`;
    case 'closed':
      return `collection ${name} is closed; nothing of it is lost`;
    case 'reopened':
      return `collection ${name} is open again`;
    case 'renamed':
      return `collection ${from} is now called ${to}`;
    case 'removed':
      return `${what} ${name} is removed`;
    case 'gains a grant':
      return `role ${name} gains ${to}`;
    case 'loses a grant':
      return `role ${name} loses ${from}`;
    case 'changed':
      return `${what} ${name}: ${option} from ${from ?? 'none'} to ${to ?? 'none'}${fixed === true ? FIXED : ''}`;
  }
}

function anchorsLine({ from, to }: PolicyChange): string {
  const was = from === undefined ? '' : `; until now ${from}`;
  return to === undefined
    ? `values are shown whatever the anchors have of the log${was}`
    : `values are shown only while nothing of the log goes unanchored for longer than ${to}${was}`;
}

const FIXED = ' (fixed at its first value, and it has none yet)';

/** Names at most in one line. */
const MOST_NAMED = 6;

/** One line for each client, action and purpose, with the collections that it is about. */
function accessLines(access: readonly AccessChange[]): string[] {
  const lines = new Map<string, string[]>();
  for (const { client, name, change, action, collection, formerly, purpose } of access) {
    const why = purpose === undefined ? '' : ` for ${purpose}`;
    const key = JSON.stringify([client, change, action, purpose]);
    const line = lines.get(key) ?? [`${name} ${change} ${action}${why}`];
    const was = formerly === undefined ? '' : ` (formerly ${formerly})`;
    lines.set(key, collection === undefined ? line : [...line, `${collection}${was}`]);
  }
  return [...lines.values()].map(([start, ...collections]) => {
    if (collections.length === 0) return start ?? '';
    const beyond = collections.length - MOST_NAMED;
    const named = collections.slice(0, MOST_NAMED).join(', ');
    return `${start} on ${named}${beyond > 0 ? ` and ${beyond} more` : ''}`;
  });
}

const idleLine = ({ name, grant }: IdleGrant): string => `${name}: ${grant}`;
