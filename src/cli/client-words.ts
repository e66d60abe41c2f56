import { InvalidArgumentError } from 'commander';
import { parseSource } from '../vault/access/source.ts';
import { VaultError } from '../vault/error.ts';
import type { Code } from '../wire/codes.ts';
import { CommandRefused } from './refusal.ts';

export const NOBODY = 'there is no client of that name or id: clients list shows them';

/** What a code means for this command: the vault's own sentences are for any caller of any route. */
export const inWords =
  (sentences: { readonly [C in Code]?: string }) =>
  (error: unknown): never => {
    const sentence = error instanceof VaultError ? sentences[error.code] : undefined;
    throw sentence === undefined ? error : new CommandRefused(sentence);
  };

export const collect = (one: string, all: readonly string[] = []): readonly string[] => [...all, one];

const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** `90d`, in milliseconds. */
export function duration(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([dhm])$/.exec(text) ?? [];
  const milliseconds = unit === undefined ? undefined : UNITS[unit];
  if (milliseconds === undefined) throw new InvalidArgumentError('as 90d, 12h or 30m');
  return Number(count) * milliseconds;
}

/** Says which subnet is none, and what is wrong with it. */
export function mustBeSubnets(from: readonly string[]): void {
  for (const [i, text] of from.entries()) {
    const source = parseSource(text);
    if (typeof source === 'string') throw new CommandRefused(`subnet ${i + 1}: ${source}`);
  }
}

/** The API key that a command asked for. One that is not told has been told before: no command repeats a request. */
export function told(key: string | null): string {
  if (key === null) throw new CommandRefused('the vault told no API key: rotate the client for another one');
  return key;
}
