import { equalBytes } from '../../crypto/encoding.ts';

/** Reads rows in the order of their ids, alongside another table. */
export class Cursor<T extends { readonly row: Uint8Array }> {
  readonly #rows: Iterator<T>;
  #next: T | null;

  constructor(rows: Iterator<T>) {
    this.#rows = rows;
    this.#next = this.#read();
  }

  /** Rows whose ids come before this one. */
  *before(row: Uint8Array): Generator<T> {
    while (this.#next !== null && Buffer.compare(this.#next.row, row) < 0) yield this.#advance(this.#next);
  }

  take(row: Uint8Array): T | null {
    return this.#next !== null && equalBytes(this.#next.row, row) ? this.#advance(this.#next) : null;
  }

  *rest(): Generator<T> {
    while (this.#next !== null) yield this.#advance(this.#next);
  }

  #advance(current: T): T {
    this.#next = this.#read();
    return current;
  }

  #read(): T | null {
    const { done, value } = this.#rows.next();
    return done === true ? null : value;
  }
}
