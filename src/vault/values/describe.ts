import type { DescribeRequest } from '../../wire/values.ts';
import type { Metadata } from '../../wire/shape.ts';
import type { Call, Caller } from '../call.ts';
import type { Core } from '../core.ts';
import { rowTime } from '../id.ts';
import type { ItemAnswer } from './item.ts';
import { openMetadata } from './sealing.ts';
import type { Live } from './seek.ts';
import { show } from './show.ts';
import { subjectRefs } from './subject.ts';

/** What is known of a token beside its value. Times are RFC 3339; `creator` is a client's id. */
export interface Description {
  readonly created: string;
  readonly creator: string;
  readonly version: number;
  readonly expiresAt?: string;
  readonly subject?: string;
  readonly metadata?: Metadata;
}

export interface DescribeAnswer {
  readonly items: readonly ItemAnswer<Description>[];
  readonly requestId: string;
}

/** Tells everything of tokens but their values. */
export async function describe(
  core: Core,
  caller: Caller,
  { items }: DescribeRequest,
): Promise<DescribeAnswer> {
  let refs: ReadonlyMap<string, string> = new Map();
  const shown = await show(core, caller, {
    asking: { action: 'describe', purpose: null, facts: {} },
    items,
    prepare: async (call, live) => {
      refs = await subjectRefs(call, new Set(live.flatMap(({ row }) => row.subject ?? [])));
    },
    render: (call, live) => description(call, live, refs),
  });
  return { items: shown, requestId: caller.origin.request };
}

/** Null if the metadata's cell does not open, or the subject's. */
function description(
  { epoch }: Call,
  { row, token, collection }: Live,
  refs: ReadonlyMap<string, string>,
): Description | null {
  const asked = { ...row, token, collection: collection.id };
  const metadata = row.metadata === null ? null : openMetadata(epoch.keys, asked, row.metadata);
  const subject = row.subject === null ? null : (refs.get(row.subject) ?? null);
  if ((row.metadata !== null && metadata === null) || (row.subject !== null && subject === null)) return null;
  return {
    created: new Date(rowTime(row.row)).toISOString(),
    creator: row.creator,
    version: row.version,
    ...(row.expiresAt === null ? {} : { expiresAt: new Date(row.expiresAt).toISOString() }),
    ...(subject === null ? {} : { subject }),
    // Its own JSON, authenticated: it parsed before it was sealed.
    ...(metadata === null ? {} : { metadata: JSON.parse(metadata) as Metadata }),
  };
}
