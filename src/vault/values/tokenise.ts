import { sumRows } from '../audit/row-set.ts';
import type { TokeniseRequest } from '../../wire/values.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import { claimOf, firstUnder } from '../claim.ts';
import type { Draft } from '../commit/event.ts';
import type { Core } from '../core.ts';
import { rowId, rowStem } from '../id.ts';
import type { Collection } from '../policy/active.ts';
import { recall, withClaim } from './recall.ts';
import type { Issue, Issued } from './issue.ts';
import {
  answered,
  byCollection,
  expiredDraft,
  type ItemAnswer,
  may,
  namedCollection,
  refused,
} from './item.ts';
import { issue } from './stored.ts';
import { subjectIds } from './subject.ts';
import { type Sorted, sortItems } from './wanted.ts';

export interface Tokenised {
  readonly token: string;
  readonly created?: boolean;
  readonly expiresAt?: string;
}

export interface TokeniseAnswer {
  readonly items: readonly ItemAnswer<Tokenised>[];
  readonly requestId: string;
}

/** Random bytes per item: a token's index and a nonce, with room for a second try. */
const PER_ITEM = 40;

/**
 * The walk in: parse, decide, find, seal, commit, token.
 * @param idempotencyKey the caller's, or null: the same key and body again is answered from the first one's rows
 * @throws VaultError where the whole request fails; an item's failure stands in its place
 */
export const tokenise = (
  core: Core,
  caller: Caller,
  request: TokeniseRequest,
  idempotencyKey: string | null,
): Promise<TokeniseAnswer> =>
  attempt(
    core,
    caller,
    { action: 'tokenise', expected: 48 + PER_ITEM * request.items.length },
    async (call) => {
      const claim = claimOf(call, 'tokenise', idempotencyKey, request);
      const sorted = await sortItems(call, request.items);
      const into = newIssue(call);
      const first = await firstUnder(call, claim);
      if (first !== null) await recall(call, first, sorted, into);
      else if (!(await issueAll(call, sorted, into))) return null;
      // No room: perhaps the first request under the key has just taken the last of it, and answers then.
      if (first === null && isFull(into) && (await firstUnder(call, claim)) !== null) return null;
      const drafts = [
        ...sorted.drafts,
        ...into.met.map((met) => expiredDraft(call, met, met.ending)),
        ...tokeniseDrafts(call, sorted, into),
      ];
      const committed = await commit(call, 'unavailable', {
        inserts: first === null ? withClaim(call, claim, into, request.items.length) : [],
        endings: into.met.map(({ ending }) => ending),
        relied: into.relied,
        validUntil: into.validUntil,
        drafts,
      });
      return committed === null ? null : answer(call, request, sorted, into);
    },
  );

const isFull = ({ issued }: Issue): boolean =>
  [...issued.values()].some((one) => one === 'token_space_exhausted');

function newIssue(call: Call): Issue {
  const stem = rowStem(call.now, call.draw.take(6));
  let rows = 0;
  return {
    issued: new Map(),
    inserts: [],
    met: [],
    relied: [],
    validUntil: null,
    nextRow: () => rowId(stem, rows++),
  };
}

async function issueAll(call: Call, sorted: Sorted, into: Issue): Promise<boolean> {
  const refs = new Set(sorted.wanted.flatMap(({ subjectRef }) => (subjectRef === null ? [] : [subjectRef])));
  const ids = await subjectIds(call, refs, into.inserts);
  const wanted = sorted.wanted.map(({ subjectRef, ...want }) => ({
    ...want,
    subject: subjectRef === null ? null : (ids.get(subjectRef) ?? null),
  }));
  for (const [collection, group] of byCollection(wanted)) {
    if (!(await issue(call, collection, group, into))) return false;
  }
  return true;
}

/** One event per request and collection, with a hash over its new rows. */
function* tokeniseDrafts(call: Call, sorted: Sorted, into: Issue): Generator<Draft> {
  const items = byCollection(sorted.wanted);
  const collections = new Set<Collection>([...items.keys(), ...sorted.refused.keys()]);
  for (const collection of collections) {
    const made = into.inserts.flatMap((insert) =>
      insert.table === 'issued' && insert.row.collection === collection.id ? [insert.row] : [],
    );
    const wanted = items.get(collection) ?? [];
    const given = wanted.filter(({ item }) => typeof into.issued.get(item) === 'object').length;
    const refusedNow = wanted.length - given + (sorted.refused.get(collection) ?? 0);
    yield draft(call, 'tokenise', 'done', {
      ...namedCollection(collection),
      rows: { ...sumRows(made), found: given - made.length, refused: refusedNow },
    });
  }
}

function answer(call: Call, request: TokeniseRequest, sorted: Sorted, into: Issue): TokeniseAnswer {
  const collections = new Map(sorted.wanted.map(({ item, collection }) => [item, collection]));
  const items = request.items.map(({ ref }, i): ItemAnswer<Tokenised> => {
    const error = sorted.errors.get(i);
    const issued = into.issued.get(i);
    const collection = collections.get(i);
    if (error !== undefined) return refused(ref, error);
    if (typeof issued === 'string') return refused(ref, { code: issued, needed: null });
    if (issued === undefined || collection === undefined)
      return refused(ref, { code: 'token_not_found', needed: null });
    return answered(ref, tokenOf(issued, may(call, 'lookup', collection)));
  });
  return { items, requestId: call.origin.request };
}

/** Whether a value was known before is told only to callers that may look it up. */
const tokenOf = ({ token, created, expiresAt }: Issued, mayLookup: boolean): Tokenised =>
  mayLookup
    ? { token, created, ...(expiresAt === null ? {} : { expiresAt: new Date(expiresAt).toISOString() }) }
    : { token };
