import { z } from 'zod';
import type { AuthoritySnapshot } from '../store.ts';
import { ClientHistory } from './client-history.ts';
import type { RowSum } from './row-set.ts';
import type { Find } from './verify.ts';

/** The part of an event that rows are held against. */
const eventShape = z.looseObject({
  action: z.string(),
  outcome: z.string(),
  actor: z.looseObject({ id: z.string() }).optional(),
  collection: z.looseObject({ id: z.string() }).optional(),
  row: z.string().optional(),
  rows: z
    .looseObject({ count: z.int(), stem: z.string().optional(), hash: z.string().optional() })
    .optional(),
  detail: z.looseObject({ number: z.int().optional(), ended: z.int().optional() }).optional(),
});

/** What the log says should be stored. */
export class History {
  /** By stem and collection: the rows that a tokenise event says it made. */
  readonly #made = new Map<string, { readonly sum: RowSum; readonly index: number }>();
  /** By row: when it ended, in milliseconds. */
  readonly #ended = new Map<string, number>();
  readonly #clients = new ClientHistory();
  #policies = 0;

  /** Takes in one event; bytes that are no event are the log's own finding. */
  read(index: number, bytes: Uint8Array): void {
    const parsed = eventShape.safeParse(parse(bytes));
    if (!parsed.success || parsed.data.outcome !== 'done') return;
    const { action, actor, collection, row, rows, detail } = parsed.data;
    if (rows?.stem !== undefined && rows.hash !== undefined && collection !== undefined) {
      const sum = { count: rows.count, stem: rows.stem, hash: rows.hash };
      this.#made.set(slot(rows.stem, collection.id), { sum, index });
    }
    if (action === 'expire' && row !== undefined && detail?.ended !== undefined)
      this.#ended.set(row, detail.ended);
    if (action.startsWith('clients.')) this.#clients.read(action, actor?.id ?? '', detail);
    if (action === 'policy.apply') this.#policies++;
  }

  /** Hands out what a tokenise event said of these rows, once. */
  takeMade(stem: string, collection: string): RowSum | null {
    const made = this.#made.get(slot(stem, collection));
    this.#made.delete(slot(stem, collection));
    return made?.sum ?? null;
  }

  /** What tokenise events said of rows that nobody has asked for. */
  *left(): Generator<number> {
    for (const { index } of this.#made.values()) yield index;
  }

  /** When the log ended a row, in milliseconds; null if it did not. */
  endedAt(row: string): number | null {
    return this.#ended.get(row) ?? null;
  }

  /** Holds clients and policies against the events that made them. */
  reconcileAuthority(authority: AuthoritySnapshot, find: Find): void {
    this.#clients.reconcile(authority, find);
    const { policies } = authority;
    if (policies.length !== this.#policies) find('policies', 'versions are not those that were applied');
  }
}

const slot = (stem: string, collection: string): string => `${stem} ${collection}`;

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    return null;
  }
}
