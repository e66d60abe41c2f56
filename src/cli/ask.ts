import { type Command, CommanderError } from 'commander';
import type { BoundVault } from '../vault/bound.ts';
import { isSafeUrl } from '../wire/url.ts';
import type { Host } from './host.ts';

/** Options that every command has. */
export interface Common {
  readonly config: string;
  readonly url?: string;
  readonly keyFile?: string;
  readonly json: boolean;
}

/** Asks a vault: the store on this host, or a running vault where a URL is given. */
export function ask<T>(
  host: Host,
  { config, url, keyFile }: Common,
  use: (vault: BoundVault) => Promise<T>,
): Promise<T> {
  if (url === undefined && keyFile !== undefined)
    throw usage('--key-file goes with --url: without it, whoever runs the command acts as the host');
  if (url === undefined) return host.onHost(config, use);
  mustBeSafe(url);
  if (keyFile === undefined) throw usage('--url asks for --key-file FILE, which holds an API key');
  return use(host.connect(url, keyFile));
}

/** An API key in clear on a network is given away. */
export function mustBeSafe(url: string): void {
  if (!isSafeUrl(url))
    throw usage('--url is https://host[:port] and nothing after it, or http:// on loopback');
}

/** A command that was not given as it must be. Exit 2. */
export const usage = (sentence: string): CommanderError =>
  new CommanderError(2, 'usage', `error: ${sentence}`);

/** The options that every noun's verbs have. */
export const withCommon = (command: Command): Command =>
  command
    .option('--config <file>', 'settings and policy', 'strongroom.yaml')
    .option('--url <url>', 'a running vault, instead of the store on this host')
    .option('--key-file <file>', 'a file with the API key to use with --url')
    .option('--json', 'print JSON', false);
