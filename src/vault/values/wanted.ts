import { holdsValue } from '../../formats/clear-text.ts';
import type { TokeniseRequest } from '../../wire/values.ts';
import type { Code } from '../../wire/codes.ts';
import { type Call, draft } from '../call.ts';
import type { Draft } from '../commit/event.ts';
import type { Refusal } from '../error.ts';
import { rowName } from '../findings.ts';
import type { Collection } from '../policy/active.ts';
import type { Wanted } from './issue.ts';
import { decideItem, denied, may, namedCollection } from './item.ts';
import { locate, stateOf } from './stored.ts';

type Item = TokeniseRequest['items'][number];

/** What a batch came to before anything is issued. */
export interface Sorted {
  readonly wanted: (Omit<Wanted, 'subject'> & { readonly subjectRef: string | null })[];
  readonly errors: Map<number, Refusal>;
  /** Refused values by collection: counted in the collection's event. */
  readonly refused: Map<Collection, number>;
  readonly drafts: Draft[];
}

/** Parses and decides each item; one bad item never spoils another. */
export async function sortItems(call: Call, items: readonly Item[]): Promise<Sorted> {
  const sorted: Sorted = { wanted: [], errors: new Map(), refused: new Map(), drafts: [] };
  for (const [i, item] of items.entries()) {
    const decided = decideItem(call, 'tokenise', item.collection, null);
    if ('denial' in decided) {
      const { denial, collection } = decided;
      sorted.errors.set(i, denial);
      sorted.drafts.push(denied(call, 'tokenise', i, denial, namedCollection(collection)));
    } else {
      await sortAllowed(call, i, item, decided.collection, sorted);
    }
    if (i % 128 === 127) await call.core.world.breathe();
  }
  return sorted;
}

async function sortAllowed(
  call: Call,
  i: number,
  item: Item,
  collection: Collection,
  sorted: Sorted,
): Promise<void> {
  const refuse = (code: Code): void => {
    sorted.errors.set(i, { code, needed: null });
    sorted.refused.set(collection, (sorted.refused.get(collection) ?? 0) + 1);
  };
  const metadata = item.metadata === undefined ? null : JSON.stringify(item.metadata);
  if ([item.subject, item.ref, metadata].some((text) => typeof text === 'string' && holdsValue(text))) {
    return refuse('value_in_clear');
  }
  const expiresAt = item.expiresAt === undefined ? null : Date.parse(item.expiresAt);
  if (expiresAt !== null && expiresAt <= call.now) return refuse('invalid_value');
  const parsed = collection.format.parse(item.value);
  if (!parsed.ok) {
    const token = await liveToken(call, collection, item.value);
    if (token === null) return refuse('invalid_value');
    sorted.errors.set(i, { code: 'already_token', needed: null });
    sorted.drafts.push(
      draft(call, 'tokenise', 'denied', {
        reason: 'already_token',
        item: i,
        ...namedCollection(collection),
        row: token,
      }),
    );
    return;
  }
  const { normal } = parsed;
  sorted.wanted.push({ item: i, collection, normal, subjectRef: item.subject ?? null, expiresAt, metadata });
}

/**
 * Where tokens and values are disjoint, a value that is a live token of its collection was tokenised before. Only those
 * who could find that out anyway are told, and each time is an event: others could search for tokens.
 * @returns the token's row id in hex, or null
 */
async function liveToken(call: Call, collection: Collection, text: string): Promise<string | null> {
  const { format } = collection;
  const form = format.tokenForm(text);
  const mayKnow =
    may(call, 'detokenise', collection) ||
    may(call, 'lookup', collection) ||
    may(call, 'describe', collection);
  if (!mayKnow || !format.disjoint || !format.isToken(form)) return null;
  const [located = null] = await locate(call, collection, [form]);
  return located !== null && stateOf(located, call.now) === 'live' ? rowName(located.row) : null;
}
