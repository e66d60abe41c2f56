import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { CsvError, type Info, parse } from 'csv-parse';

/** One row of the file, below its heading. */
export interface Row {
  /** Where it ends, counted from 1: what is wrong with a row is told by its line, never by what stands in it. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** Rows that go to the vault together. The same file gives the same batches. */
export interface Batch {
  readonly index: number;
  readonly rows: readonly Row[];
}

/** The file is no CSV. A parser's own message quotes the file. */
export class NotCsv extends Error {
  constructor(code: string, line: number) {
    super(`the file cannot be read as CSV: ${code} at line ${line}`);
  }
}

/** Reads a CSV file (RFC 4180, with a heading) as a stream, however large it is. */
export async function openRows(
  path: string,
): Promise<{ heading: readonly string[]; rows: AsyncIterable<Row> }> {
  const rows = read(path);
  const first = await rows.next();
  if (first.done === true) throw new NotCsv('EMPTY', 1);
  return { heading: first.value.fields, rows };
}

async function* read(path: string): AsyncGenerator<Row> {
  const parser = parse({
    bom: true,
    info: true,
    relaxColumnCount: true,
    skipEmptyLines: true,
    maxRecordSize: 64 * 1024,
  });
  // A file that cannot be read ends the parser with its error, and is met below.
  pipeline(createReadStream(path), parser, () => null);
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>)
      yield { line: info.lines, fields: record };
  } catch (error) {
    throw error instanceof CsvError ? new NotCsv(error.code, parser.info.lines) : error;
  }
}

export async function* inBatches(rows: AsyncIterable<Row>, size: number): AsyncGenerator<Batch> {
  let index = 0;
  let gathered: Row[] = [];
  for await (const row of rows) {
    gathered.push(row);
    if (gathered.length < size) continue;
    yield { index: index++, rows: gathered };
    gathered = [];
  }
  if (gathered.length > 0) yield { index, rows: gathered };
}

/** Works on up to so many at once, and gives back what each comes to in the order of the source. */
export async function* inOrder<One, Result>(
  source: AsyncIterable<One>,
  atOnce: number,
  work: (one: One) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  for await (const one of source) {
    const started = work(one);
    // Whether it fails is looked at when its turn comes.
    started.catch(() => null);
    underWay.push(started);
    const next = underWay.length < atOnce ? undefined : underWay.shift();
    if (next !== undefined) yield await next;
  }
  for (const last of underWay) yield await last;
}
