import type { Code } from '../wire/codes.ts';
import type { ItemError } from '../wire/shape.ts';
import { answerHeaders, problem } from './problem.ts';

/** Items in the order of the request, each with its answer or its error. */
export interface BatchAnswer {
  readonly items: readonly ({ readonly ref?: string } & (object | { readonly error: ItemError }))[];
  readonly requestId: string;
}

/** What became of the items of a request: how many succeeded, and how many failed with each code. */
export interface ItemTally {
  readonly done: number;
  readonly failed: ReadonlyMap<Code, number>;
}

export function tallyOf({ items }: BatchAnswer): ItemTally {
  const failed = new Map<Code, number>();
  let done = 0;
  for (const item of items) {
    if ('error' in item) failed.set(item.error.code, (failed.get(item.error.code) ?? 0) + 1);
    else done++;
  }
  return { done, failed };
}

/** 200 where all succeeded, 207 where some did, and the first error as a problem where none did. */
export function batchAnswer({ items, requestId }: BatchAnswer): Response {
  const errors = items.flatMap((item) => ('error' in item ? [item.error] : []));
  const [first] = errors;
  if (first === undefined || errors.length < items.length) {
    const status = first === undefined ? 200 : 207;
    return new Response(JSON.stringify({ items, requestId }), { status, headers: answerHeaders(requestId) });
  }
  return problem(first.code, requestId, { needed: first.needed ?? null, items });
}
