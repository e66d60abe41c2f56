import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { stringify } from 'csv-stringify/sync';
import type { BoundVault, Code } from 'strongroom/client';
import { type Batch, inBatches, inOrder, openRows } from './rows.ts';

export interface Job {
  readonly vault: Pick<BoundVault, 'tokenise'>;
  /** Names the job: the same name and file give the same tokens, for 24 hours. */
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly collection: string;
  /** The heading of the column that holds account numbers. */
  readonly column: string;
  /** Items a request, 1,000 at most. */
  readonly size: number;
  /** Requests under way at once. */
  readonly atOnce: number;
  readonly progress: (done: Done) => void;
}

export interface Done {
  readonly tokens: number;
  readonly refused: number;
}

/** Something that whoever runs the job can mend. */
export class CannotRun extends Error {}

/** What may be wrong with an account number. Anything else that a vault refuses is wrong with the job. */
const OF_THE_ROW: ReadonlySet<string> = new Set<Code>([
  'invalid_value',
  'already_token',
  'conflict',
  'token_space_exhausted',
]);

/** What a batch has come to: rows with tokens in place of account numbers, and lines that were refused. */
interface Tokenised {
  readonly rows: string[][];
  readonly refused: [line: number, code: string][];
}

/**
 * Writes the file anew with a token in place of each account number. Rows that are refused are left out, and listed by
 * line and code in a file beside it. Neither is there before the job has ended, and no account number is ever in them.
 * @throws VaultError after which the job may be run again: batches that were done give the tokens that they gave
 */
export async function run(job: Job): Promise<Done> {
  if (await stat(job.output).catch(() => null)) throw new CannotRun('the output is there already');
  const { heading, rows } = await openRows(job.input);
  const column = heading.indexOf(job.column);
  if (column === -1 || column !== heading.lastIndexOf(job.column))
    throw new CannotRun('there must be one column of that name');
  const [tokens, refused] = await Promise.all([begin(job.output), begin(`${job.output}.refused`)]);
  try {
    const done = { tokens: 0, refused: 0 };
    await write(tokens, [heading.with(column, 'token')]);
    await write(refused, [['line', 'code']]);
    const batches = inBatches(rows, job.size);
    const work = (batch: Batch): Promise<Tokenised> => tokenise(job, batch, column, heading.length);
    for await (const batch of inOrder(batches, job.atOnce, work)) {
      await write(tokens, batch.rows);
      await write(refused, batch.refused);
      done.tokens += batch.rows.length;
      done.refused += batch.refused.length;
      job.progress(done);
    }
    await finish(refused);
    await finish(tokens);
    return done;
  } finally {
    await Promise.all([tokens.file.close(), refused.file.close()]);
  }
}

async function tokenise(job: Job, { index, rows }: Batch, column: number, width: number): Promise<Tokenised> {
  const whole = rows.filter(({ fields }) => fields.length === width);
  // In a row with a field too many or too few, nobody knows which is the account number: none of it is copied.
  const ragged = rows.filter(({ fields }) => fields.length !== width);
  const items = whole.map(({ fields }) => ({ collection: job.collection, value: fields[column] ?? '' }));
  const answer = items.length === 0 ? null : await job.vault.tokenise({ items }, keyOf(job, index));
  const done: Tokenised = { rows: [], refused: ragged.map(({ line }) => [line, 'ragged']) };
  for (const [i, { line, fields }] of whole.entries()) {
    const item = answer?.items[i];
    if (item === undefined) throw new CannotRun('the vault answered too little');
    if (!('error' in item)) done.rows.push(fields.with(column, item.token));
    else if (OF_THE_ROW.has(item.error.code)) done.refused.push([line, item.error.code]);
    else throw new CannotRun(`the vault refused: ${item.error.code} (${answer?.requestId})`);
  }
  return done;
}

/** The batch's own: a job that is run again asks for what it asked for, and is answered what it was answered. */
const keyOf = ({ name, size }: Job, index: number): string => `${name}/${size}/${index}`;

/** A file that gets its name when it is whole. Only its owner may read it. */
interface Writing {
  readonly path: string;
  readonly file: FileHandle;
}

const begin = async (path: string): Promise<Writing> => ({
  path,
  file: await open(`${path}.partial`, 'w', 0o600),
});

async function write({ file }: Writing, rows: readonly (readonly unknown[])[]): Promise<void> {
  if (rows.length > 0) await file.appendFile(stringify(rows.map((row) => [...row])));
}

async function finish({ path, file }: Writing): Promise<void> {
  await file.sync();
  await rename(`${path}.partial`, path);
}
