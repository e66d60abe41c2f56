import { type Code, titleOf } from '../wire/codes.ts';
import type { Needed } from '../wire/shape.ts';
import type { StoreFailure } from './store.ts';

/**
 * The one error that leaves the vault. Its message is the constant sentence of its code: whatever went wrong inside
 * (a value, a row, a driver's words) is never part of it.
 */
export class VaultError extends Error {
  readonly code: Code;
  readonly needed: Needed | null;

  /** @param cause what failed in the store, for the operator on the host; it never leaves over HTTP */
  constructor(code: Code, needed: Needed | null = null, cause: StoreFailure | null = null) {
    super(titleOf(code), cause === null ? {} : { cause });
    this.name = 'VaultError';
    this.code = code;
    this.needed = needed;
  }
}

/** A place in a request: a JSON pointer of schema keys and indexes, and a constant word. */
export interface WrongPlace {
  readonly pointer: string;
  readonly code: string;
}

/** A request of the right shape that says what cannot be, and where. */
export class RequestRefused extends VaultError {
  readonly errors: readonly WrongPlace[];

  constructor(errors: readonly WrongPlace[]) {
    super('invalid_request');
    this.name = 'RequestRefused';
    this.errors = errors;
  }
}

/** The one place that is wrong. */
export const wrongAt = (pointer: string, code: string): RequestRefused =>
  new RequestRefused([{ pointer, code }]);

/** Why one item of a batch is refused. */
export interface Refusal {
  readonly code: Code;
  readonly needed: Needed | null;
}
