import { type Code, Refused, Unreachable, VaultError } from 'strongroom/client';

/** What this service answers when it cannot do what was asked: words of its own, not the vault's. */
const ANSWERS = {
  bad_request: 400,
  not_found: 404,
  partner_not_found: 404,
  partner_exists: 409,
  version_passed: 412,
  secret_refused: 422,
  value_in_wrong_field: 422,
  version_needed: 428,
  internal: 500,
  try_again: 503,
} as const;
type Answer = keyof typeof ANSWERS;

/** What the vault's refusals mean to our callers. What is not here is ours to mend. */
const MEANING: Partial<Record<Code, Answer>> = {
  invalid_value: 'secret_refused',
  already_token: 'secret_refused',
  value_in_clear: 'value_in_wrong_field',
  token_not_found: 'partner_not_found',
  token_ended: 'partner_not_found',
  conflict: 'version_passed',
  idempotency_mismatch: 'partner_exists',
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

export interface Answered {
  readonly status: number;
  readonly code: Answer;
  /** Seconds. */
  readonly retryAfter: number | null;
  /** For the log, or null: codes and ids, never a message. */
  readonly told: object | null;
}

export function answerOf(error: unknown): Answered {
  if (error instanceof Failure) return answered(error.answer, null);
  if (error instanceof Refused) {
    const { code, requestId, retryAfter } = error;
    return answered(meaning(error), { code, vaultRequest: requestId }, retryAfter);
  }
  if (error instanceof Unreachable) return answered('try_again', { code: error.code, reason: error.reason });
  if (error instanceof VaultError) return answered(meaning(error), { code: error.code });
  if (isBadRequest(error)) return answered('bad_request', null);
  return answered('internal', { error: error instanceof Error ? error.name : typeof error });
}

const meaning = ({ code }: VaultError): Answer => MEANING[code] ?? 'internal';

function answered(code: Answer, told: object | null, retryAfter: number | null = null): Answered {
  const status = ANSWERS[code];
  return { status, code, retryAfter: status === 503 ? (retryAfter ?? 1) : null, told };
}

/** Whether nobody knows if a change was made: only the same request, under the same key, may follow. */
export const mayHaveHappened = (error: unknown): boolean =>
  error instanceof VaultError && error.code === 'unavailable';

/** Whether there is no such token any more. */
export const isGone = (error: unknown): boolean =>
  error instanceof VaultError && (error.code === 'token_ended' || error.code === 'token_not_found');

/** What Fastify itself raises: a body that is not JSON, too large, or not what the schema says. */
const isBadRequest = (error: unknown): boolean =>
  error instanceof Error &&
  'statusCode' in error &&
  Number(error.statusCode) >= 400 &&
  Number(error.statusCode) < 500;
