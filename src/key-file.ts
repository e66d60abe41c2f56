import { readFileSync } from 'node:fs';
import { CommandRefused } from './cli/refusal.ts';

/**
 * The API key of a file that holds it, or the header that curl reads.
 * @throws CommandRefused
 */
export function readKeyFile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new CommandRefused(
      `--key-file ${path} cannot be read: does the file exist, and may this user read it?`,
    );
  }
  const apiKey = text.trim().replace(/^Authorization: Bearer /, '');
  if (!/^[\x21-\x7e]+$/.test(apiKey))
    throw new CommandRefused(`--key-file ${path} does not hold an API key on one line`);
  return apiKey;
}
