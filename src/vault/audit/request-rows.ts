import { ROW_STEM } from '../id.ts';
import type { IssuedRow } from '../rows.ts';
import type { History } from './history.ts';
import { sumRows } from './row-set.ts';
import type { Find } from './against.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The rows of one request at a time, summed by collection as its tokenise events were. */
export class RequestRows {
  readonly #history: History;
  readonly #find: Find;
  #stem = '';
  #rows = new Map<string, IssuedRow[]>();

  constructor(history: History, find: Find) {
    this.#history = history;
    this.#find = find;
  }

  add(issued: IssuedRow): void {
    const stem = hex(issued.row.subarray(0, ROW_STEM));
    if (stem !== this.#stem) this.close();
    this.#stem = stem;
    const rows = this.#rows.get(issued.collection);
    if (rows === undefined) this.#rows.set(issued.collection, [issued]);
    else rows.push(issued);
  }

  close(): void {
    for (const [collection, rows] of this.#rows) {
      const said = this.#history.takeMade(this.#stem, collection);
      const are = sumRows(rows);
      if (said === null) this.#find('issued', `${hex(rows[0]?.row ?? new Uint8Array())}: no event made it`);
      else if (said.count !== are.count || said.hash !== are.hash)
        this.#find('issued', `the rows of request ${this.#stem} are not those that its event made`);
    }
    this.#rows = new Map();
  }
}
