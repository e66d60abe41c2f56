/** A message of PostgreSQL's protocol, whole (PostgreSQL manual, 54.7). */
export interface Frame {
  /** The letter of its type; null for what a client begins with, which has none. */
  readonly type: string | null;
  readonly bytes: Buffer;
}

/** Puts the messages of one direction together from the pieces that arrive; without TLS only. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);
  #isUntyped: boolean;

  /** @param from a client's first message has no type */
  constructor(from: 'client' | 'server') {
    this.#isUntyped = from === 'client';
  }

  /** The messages that are whole with this piece. */
  take(piece: Buffer): Frame[] {
    this.#rest = Buffer.concat([this.#rest, piece]);
    const whole: Frame[] = [];
    for (;;) {
      const typed = this.#isUntyped ? 0 : 1;
      if (this.#rest.length < typed + 4) return whole;
      const end = typed + this.#rest.readUInt32BE(typed);
      if (this.#rest.length < end) return whole;
      const bytes = this.#rest.subarray(0, end);
      whole.push({ type: this.#isUntyped ? null : String.fromCharCode(bytes[0] ?? 0), bytes });
      this.#rest = this.#rest.subarray(end);
      this.#isUntyped = false;
    }
  }
}

/** Asks for the end of a transaction: a Query or a Parse. */
export const asksCommit = ({ type, bytes }: Frame): boolean =>
  (type === 'Q' || type === 'P') && /\bcommit\b/i.test(bytes.toString('latin1', 5));

/** CommandComplete of a COMMIT: the transaction is durable. */
export const tellsCommit = ({ type, bytes }: Frame): boolean =>
  type === 'C' && bytes.toString('latin1', 5) === 'COMMIT\0';
