import { z } from 'zod';
import type { AuthoritySnapshot } from '../store.ts';
import { PolicyHistory } from './policy-history.ts';
import type { RowSum } from './row-set.ts';
import type { Find } from './verify.ts';

/** The part of an event that rows are held against. */
const eventShape = z.looseObject({
  action: z.string(),
  outcome: z.string(),
  collection: z.looseObject({ id: z.string() }).optional(),
  row: z.string().optional(),
  rows: z
    .looseObject({ count: z.int(), stem: z.string().optional(), hash: z.string().optional() })
    .optional(),
  detail: z
    .looseObject({
      client: z.string().optional(),
      number: z.int().optional(),
      hash: z.string().optional(),
      ended: z.int().optional(),
    })
    .optional(),
});

/** What the log says should be stored. */
export class History {
  /** By stem and collection: the rows that a tokenise event says it made. */
  readonly #made = new Map<string, { readonly sum: RowSum; readonly index: number }>();
  /** By row: when it ended, in milliseconds. */
  readonly #ended = new Map<string, number>();
  readonly #clients = new Map<string, 'active' | 'revoked'>();
  readonly #policies = new PolicyHistory();

  /** Takes in one event; bytes that are no event are the log's own finding. */
  read(index: number, bytes: Uint8Array): void {
    const parsed = eventShape.safeParse(parse(bytes));
    if (!parsed.success || parsed.data.outcome !== 'done') return;
    const { action, collection, row, rows, detail } = parsed.data;
    if (rows?.stem !== undefined && rows.hash !== undefined && collection !== undefined) {
      const sum = { count: rows.count, stem: rows.stem, hash: rows.hash };
      this.#made.set(slot(rows.stem, collection.id), { sum, index });
    }
    if (action === 'expire' && row !== undefined && detail?.ended !== undefined)
      this.#ended.set(row, detail.ended);
    if (action === 'clients.add' && detail?.client !== undefined) this.#clients.set(detail.client, 'active');
    if (action === 'clients.revoke' && detail?.client !== undefined)
      this.#clients.set(detail.client, 'revoked');
    if (action === 'policy.apply') this.#policies.read(detail ?? {});
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

  /** Holds clients, policies and collections against the events that made them. */
  reconcileAuthority({ clients, policies, collections }: AuthoritySnapshot, find: Find): void {
    for (const { id, state } of clients) {
      const said = this.#clients.get(id);
      if (said === undefined) find('clients', `${id} was never added`);
      else if ((said === 'revoked') !== (state === 'revoked')) find('clients', `${id} is not ${said}`);
    }
    const stored = new Set(clients.map(({ id }) => id));
    for (const id of this.#clients.keys()) if (!stored.has(id)) find('clients', `${id} is gone`);
    this.#policies.reconcile({ policies, collections }, find);
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
