import type { WrongPlace } from '../vault/error.ts';
import { type Code, statusOf, titleOf, typeOf } from '../wire/codes.ts';
import type { Needed } from '../wire/shape.ts';

export interface ProblemParts {
  readonly needed?: Needed | null;
  readonly errors?: readonly WrongPlace[];
  readonly items?: readonly object[];
}

/** Headers of every answer: nothing that may hold a value or a key is kept by anybody on the way. */
export const answerHeaders = (requestId: string, type = 'application/json'): Record<string, string> => ({
  'content-type': type,
  'cache-control': 'no-store',
  'x-request-id': requestId,
  'x-content-type-options': 'nosniff',
});

/** RFC 9457: the table's constant sentence and nothing of what the caller sent. */
export function problem(code: Code, requestId: string, parts: ProblemParts = {}): Response {
  const status = statusOf(code);
  const { needed, errors, items } = parts;
  const body = {
    type: typeOf(code),
    title: titleOf(code),
    status,
    code,
    requestId,
    ...(needed === undefined || needed === null ? {} : { needed }),
    ...(errors === undefined ? {} : { errors }),
    ...(items === undefined ? {} : { items }),
  };
  const headers = answerHeaders(requestId, 'application/problem+json');
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  if (status === 503) headers['retry-after'] = '1';
  if (status === 429) headers['retry-after'] = '60';
  return new Response(JSON.stringify(body), { status, headers });
}
