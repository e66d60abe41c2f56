import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type BoundVault, connect, Refused, Unreachable, VaultError } from 'strongroom/client';
import { CannotRun, type Done, run } from './job.ts';
import { NotCsv } from './rows.ts';

const USAGE = `usage: main.ts IN.csv OUT.csv --job NAME [--column account] [--collection imported-pan] [--size 1000] [--at-once 4]
       STRONGROOM_URL and STRONGROOM_KEY_FILE say which vault, and where the API key is.`;

/** 0: every row has its token. 1: run it again, or mend what it says. 2: usage. 3: done, but some rows were refused. */
const EXIT = { done: 0, failed: 1, usage: 2, refused: 3 };

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** The arguments, or null where they are not what the usage says. */
function asked() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        job: { type: 'string' },
        column: { type: 'string', default: 'account' },
        collection: { type: 'string', default: 'imported-pan' },
        size: { type: 'string', default: '1000' },
        'at-once': { type: 'string', default: '4' },
      },
    });
    const [input, output, ...more] = positionals;
    const [size, atOnce] = [Number(values.size), Number(values['at-once'])];
    const isFit =
      /^[a-z][a-z0-9-]{0,63}$/.test(values.job ?? '') &&
      [size, atOnce].every((count) => Number.isInteger(count) && count > 0) &&
      size <= 1000 &&
      atOnce <= 32;
    if (input === undefined || output === undefined || more.length > 0 || !isFit) return null;
    return { input, output, name: values.job ?? '', ...values, size, atOnce };
  } catch {
    return null;
  }
}

/** What whoever runs the job is told. Never another error's message: it may quote the file. */
function reason(error: unknown): string {
  if (error instanceof CannotRun || error instanceof NotCsv) return error.message;
  if (error instanceof VaultError && error.code === 'idempotency_mismatch')
    return 'this job was begun with another file: give it another --job name';
  if (error instanceof Unreachable)
    return `no answer from the vault (${error.reason}): run the same command again`;
  if (error instanceof Refused) return `the vault refused: ${error.code} (${error.requestId})`;
  if (error instanceof Error && 'code' in error) return `failed: ${String(error.code)}`;
  return `failed: ${error instanceof Error ? error.name : typeof error}`;
}

function progress({ tokens, refused }: Done): void {
  say(`${tokens + refused} rows: ${tokens} tokens, ${refused} refused`);
}

function vaultAt(url: string, apiKey: string): BoundVault {
  try {
    // A job has time: a vault that restarts, or has too much waiting, is asked for about a minute.
    return connect({ url, apiKey, timeout: 60_000, retries: 10 });
  } catch {
    throw new CannotRun('STRONGROOM_URL is https://host[:port], or http:// on loopback');
  }
}

async function main(): Promise<number> {
  const job = asked();
  if (job === null) {
    say(USAGE);
    return EXIT.usage;
  }
  const { STRONGROOM_URL = 'http://127.0.0.1:7420', STRONGROOM_KEY_FILE = 'import.key' } = process.env;
  try {
    const apiKey = readFileSync(STRONGROOM_KEY_FILE, 'utf8').trim();
    const { refused } = await run({ ...job, vault: vaultAt(STRONGROOM_URL, apiKey), progress });
    if (refused > 0) say(`${job.output}.refused lists the rows that were refused`);
    return refused > 0 ? EXIT.refused : EXIT.done;
  } catch (error) {
    say(reason(error));
    return EXIT.failed;
  }
}

process.exitCode = await main();
