import { type Code, Refused, Unreachable, VaultError } from 'strongroom/client';
import { z } from 'zod';

/** What this service answers when it cannot do what was asked: words of its own, not the vault's. */
const ANSWERS = {
  bad_request: 400,
  customer_not_found: 404,
  not_found: 404,
  card_gone: 404,
  customer_exists: 409,
  request_changed: 409,
  card_refused: 422,
  card_in_wrong_field: 422,
  internal: 500,
  try_again: 503,
} as const;
type Answer = keyof typeof ANSWERS;

/**
 * What the vault's refusals mean to our callers. What is not here (a grant that we lack, a collection that is not there)
 * is ours to mend: callers are told `internal`, and the log which it was.
 */
const MEANING: Partial<Record<Code, Answer>> = {
  invalid_value: 'card_refused',
  already_token: 'card_refused',
  value_in_clear: 'card_in_wrong_field',
  token_not_found: 'card_gone',
  idempotency_mismatch: 'request_changed',
  conflict: 'request_changed',
  unavailable: 'try_again',
  audit_unavailable: 'try_again',
};

/** Something that this service itself has against a request. */
export class Failure extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer);
    this.answer = answer;
  }
}

/** A line of the log: routes, codes and ids; never a message, since messages quote. */
export type LogLine = Readonly<Record<string, string | number>>;

export interface Answered {
  readonly status: number;
  readonly code: Answer;
  /** Seconds. */
  readonly retryAfter: number | null;
  /** What the log is told besides, or null. */
  readonly line: LogLine | null;
}

export function answerOf(error: unknown): Answered {
  if (error instanceof Failure) return answered(error.answer);
  if (error instanceof z.ZodError || isBadRequest(error)) return answered('bad_request');
  if (error instanceof VaultError) {
    const answer = answered(
      MEANING[error.code] ?? 'internal',
      error instanceof Refused ? error.retryAfter : null,
    );
    return { ...answer, line: { event: 'vault', code: error.code, ...traceOf(error) } };
  }
  return { ...answered('internal'), line: { event: 'failed', error: nameOf(error) } };
}

function answered(code: Answer, retryAfter: number | null = null): Answered {
  const status = ANSWERS[code];
  return { status, code, retryAfter: status === 503 ? (retryAfter ?? 1) : null, line: null };
}

/** How to find the call in the vault's own log, or why none is to be found. */
function traceOf(error: VaultError): LogLine {
  if (error instanceof Refused) return { vaultRequest: error.requestId };
  return error instanceof Unreachable ? { reason: error.reason } : {};
}

/** What express and its parsers raise: a body that is too large or not JSON, a path that is not UTF-8. */
const isBadRequest = (error: unknown): boolean =>
  error instanceof Error && 'status' in error && Number(error.status) >= 400 && Number(error.status) < 500;

/** Whether nobody knows if a change was made: only the same request, under the same key, may follow. */
export const mayHaveHappened = (error: unknown): boolean =>
  error instanceof VaultError && error.code === 'unavailable';

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
