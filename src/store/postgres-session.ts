import type { ClientBase, QueryArrayConfig } from 'pg';
import { StoreFailure } from '../vault/store.ts';
import { atTheDoor, failureOf, PostgresFailure } from './postgres-door.ts';

/** A statement that each connection prepares once, under its name. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
}

export interface Answered {
  readonly rows: readonly (readonly unknown[])[];
  /** Rows that were returned or changed. */
  readonly count: number;
}

/** How long COMMIT may take, in milliseconds: where a standby has gone, no limit of the server's ends it. */
const COMMIT_PATIENCE = 5000;

/** Each statement sees what was committed before it, as preconditions under the head's lock need. */
const BEGIN: Prepared = { name: 'begin', text: 'begin isolation level read committed' };
const ROLLBACK: Prepared = { name: 'rollback', text: 'rollback' };

/** A connection in use by one caller. */
export class Session {
  readonly #client: ClientBase;
  #noticed = false;
  /** An answer was waited for in vain: whatever is asked next would wait behind it. */
  #isSilent = false;

  constructor(client: ClientBase) {
    this.#client = client;
    client.on('notice', () => {
      this.#noticed = true;
    });
    // What a lost connection means, the statement in hand is told.
    client.on('error', () => undefined);
  }

  /** Outside of any transaction, answering, and so of use to the next caller. */
  get isIdle(): boolean {
    return !this.#isSilent && this.#client.getTransactionStatus() === 'I';
  }

  /** One round trip. Raises PostgresFailure. */
  async run(statement: Prepared, values: readonly unknown[] = []): Promise<Answered> {
    const asked: QueryArrayConfig = { ...statement, values: [...values], rowMode: 'array' };
    const { rows, rowCount } = await this.#answered(this.#client.query<unknown[]>(asked));
    return { rows, count: rowCount ?? 0 };
  }

  async #answered<T>(asked: Promise<T>): Promise<T> {
    try {
      return await atTheDoor(asked);
    } catch (error) {
      this.#isSilent ||= error instanceof PostgresFailure && error.trouble === 'silent';
      throw error;
    }
  }

  async begin(): Promise<void> {
    await this.run(BEGIN);
  }

  /** Of a connection on which this fails the server undoes what was begun, and the pool drops it. */
  async rollback(): Promise<void> {
    await this.run(ROLLBACK).catch(() => undefined);
  }

  /** Several statements without parameters in one round trip. */
  async script(text: string): Promise<readonly Answered[]> {
    const asked: QueryArrayConfig = { text, rowMode: 'array' };
    const answered = await this.#answered(this.#client.query<unknown[]>(asked));
    const results = Array.isArray(answered) ? (answered as (typeof answered)[]) : [answered];
    return results.map(({ rows, rowCount }) => ({ rows, count: rowCount ?? 0 }));
  }

  /**
   * Ends a transaction for good.
   * @returns whether it is known to be durable wherever the server promises it to be: a lost connection, a time that has
   * run out or any notice leaves that open
   * @throws PostgresFailure if it is known not to be
   */
  async commit(): Promise<boolean> {
    this.#noticed = false;
    const asked = { text: 'commit', query_timeout: COMMIT_PATIENCE };
    const ended = await this.#client.query(asked).then(({ command }) => command, failureOf);
    // A transaction that collides at its end has been rolled back. Of anything else that is not certain.
    if (ended instanceof PostgresFailure && ended.trouble === 'collided') throw ended;
    if (ended instanceof StoreFailure) return false;
    if (ended !== 'COMMIT') throw new PostgresFailure('other', 'refused', 'the store rolled a commit back');
    return !this.#noticed;
  }
}
