/** What a cursor met on its way to a row: those whose ids come before, and the one that has its id. */
export interface Met<T> {
  readonly before: readonly T[];
  readonly there: T | null;
}

const NONE: readonly never[] = [];

/** More strays than a report lists are passed over: who writes the database may have put millions there. */
const MOST_BEFORE = 1000;

/** Reads rows in the order of their ids, alongside another table. */
export class Cursor<T extends { readonly row: Uint8Array }> {
  readonly #rows: AsyncIterator<T>;
  /** The row that is next; undefined before the first is read, null after the last. */
  #next: T | null | undefined = undefined;

  constructor(rows: AsyncIterable<T>) {
    this.#rows = rows[Symbol.asyncIterator]();
  }

  /** Goes on to a row, and past it if it is there. */
  async reach(row: Uint8Array): Promise<Met<T>> {
    let before: T[] | null = null;
    for (;;) {
      const next = this.#next === undefined ? await this.#read() : this.#next;
      const order = next === null ? 1 : Buffer.compare(next.row, row);
      if (next === null || order > 0) return { before: before ?? NONE, there: null };
      this.#next = undefined;
      if (order === 0) return { before: before ?? NONE, there: next };
      before ??= [];
      if (before.length < MOST_BEFORE) before.push(next);
    }
  }

  async *rest(): AsyncGenerator<T> {
    for (;;) {
      const next = this.#next === undefined ? await this.#read() : this.#next;
      if (next === null) return;
      this.#next = undefined;
      yield next;
    }
  }

  async #read(): Promise<T | null> {
    const { done, value } = await this.#rows.next();
    return (this.#next = done === true ? null : value);
  }
}
