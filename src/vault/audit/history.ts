import { z } from 'zod';
import type { AuthoritySnapshot } from '../store.ts';
import { ClientHistory } from './client-history.ts';
import { PolicyHistory } from './policy-history.ts';
import type { RowSum } from './row-set.ts';
import type { Find } from './against.ts';

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
  detail: z
    .looseObject({
      number: z.int().optional(),
      hash: z.string().optional(),
      ended: z.int().optional(),
      rows: z.array(z.string()).optional(),
      versions: z.array(z.string()).optional(),
      version: z.int().optional(),
      readableUntil: z.int().optional(),
      repeated: z.boolean().optional(),
      issued: z.string().optional(),
    })
    .optional(),
});

type Shape = z.output<typeof eventShape>;

interface Replaced {
  readonly version: number;
  readonly until: number | null;
}

/** What the log says should be stored. */
export class History {
  /** By stem and collection: the rows that a tokenise event says it made. */
  readonly #made = new Map<string, { readonly sum: RowSum; readonly index: number }>();
  /** By row: when it ended, in milliseconds. */
  readonly #ended = new Map<string, number>();
  /** By row: the hash of the token by which a damaged value was named when it was ended. */
  readonly #named = new Map<string, string>();
  /** By row: the version that it was replaced with last, and until when the one before is kept. */
  readonly #replaced = new Map<string, Replaced>();
  readonly #clients = new ClientHistory();
  readonly #policies = new PolicyHistory();

  /** Takes in one event; bytes that are no event are the log's own finding. */
  read(index: number, bytes: Uint8Array): void {
    const parsed = eventShape.safeParse(parse(bytes));
    if (!parsed.success || parsed.data.outcome !== 'done') return;
    const { action, actor, collection, row, rows, detail } = parsed.data;
    if (rows?.stem !== undefined && rows.hash !== undefined && collection !== undefined) {
      const sum = { count: rows.count, stem: rows.stem, hash: rows.hash };
      this.#made.set(slot(rows.stem, collection.id), { sum, index });
    }
    // A repeated request changed nothing.
    if (detail?.repeated === true) return;
    if (detail !== undefined) this.#readChange(action, row, detail);
    if (action.startsWith('clients.')) this.#clients.read(action, actor?.id ?? '', detail);
    if (action === 'policy.apply') this.#policies.read(detail ?? {});
  }

  /** What became of values that were issued before. */
  #readChange(action: string, row: string | undefined, detail: NonNullable<Shape['detail']>): void {
    const { ended, rows = [], versions = [], version, readableUntil = null, issued } = detail;
    if (action === 'erase' && row !== undefined && issued !== undefined) this.#named.set(row, issued);
    if ((action === 'expire' || action === 'erase') && row !== undefined && ended !== undefined)
      this.#ended.set(row, ended);
    if (action === 'purge' && ended !== undefined) {
      for (const one of rows) this.#ended.set(one, ended);
      for (const one of versions) {
        const { version: newest } = this.replacedBy(one);
        this.#replaced.set(one, { version: newest, until: null });
      }
    }
    if (action === 'replace' && row !== undefined && version !== undefined)
      this.#replaced.set(row, { version, until: readableUntil });
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

  /** The hash of the token, in base64url, by which a damaged value was named when it was ended; null of any other. */
  namedAs(row: string): string | null {
    return this.#named.get(row) ?? null;
  }

  /** The version that a row has, and until when the one before is kept, in milliseconds; null where it is not. */
  replacedBy(row: string): Replaced {
    return this.#replaced.get(row) ?? { version: 1, until: null };
  }

  /** Holds clients, policies and collections against the events that made them. */
  reconcileAuthority(authority: AuthoritySnapshot, find: Find): void {
    this.#clients.reconcile(authority, find);
    this.#policies.reconcile(authority, find);
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
