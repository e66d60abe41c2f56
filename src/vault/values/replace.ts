import { holdsValue } from '../../formats/clear-text.ts';
import type { Code } from '../../wire/codes.ts';
import type { ReplaceRequest } from '../../wire/values.ts';
import type { Call, Caller } from '../call.ts';
import type { Core } from '../core.ts';
import { rowName } from '../findings.ts';
import type { Collection } from '../policy/active.ts';
import { change, type Changes, done, refuseLive } from './change.ts';
import { expiredDraft, type ItemAnswer } from './item.ts';
import type { Live, Sought } from './seek.ts';
import { type Successor, successorOf, type Wanted } from './successor.ts';

export interface ReplaceAnswer {
  readonly items: readonly ItemAnswer<{ readonly version: number }>[];
  readonly requestId: string;
}

const ACTION = { action: 'replace' } as const;

/** A new value behind a token that stays as it is. It needs no right to read, and shows nothing of what was there. */
export async function replace(
  core: Core,
  caller: Caller,
  request: ReplaceRequest,
  idempotencyKey: string | null,
): Promise<ReplaceAnswer> {
  const wanted = new Map<number, Wanted>();
  const items = await change(core, caller, {
    asking: {
      ...ACTION,
      purpose: null,
      facts: {},
      fits: (item, collection) => fit(request.items[item], collection, (one) => wanted.set(item, one)),
    },
    request,
    idempotencyKey,
    change: (call, sought, into) => replaceAll(call, request, wanted, sought, into),
    answer: ({ version }) => ({ version }),
  });
  return { items, requestId: caller.origin.request };
}

/** Reads what is wanted of one item. */
function fit(
  item: ReplaceRequest['items'][number] | undefined,
  { format }: Collection,
  take: (wanted: Wanted) => void,
): Code | null {
  const parsed = format.parse(item?.value ?? '');
  if (!parsed.ok) return 'invalid_value';
  const metadata = item?.metadata === undefined ? undefined : JSON.stringify(item.metadata);
  if (metadata !== undefined && holdsValue(metadata)) return 'value_in_clear';
  const given = item?.expiresAt;
  const expiresAt = typeof given === 'string' ? Date.parse(given) : given;
  take({ normal: parsed.normal, expiresAt, metadata });
  return null;
}

async function replaceAll(
  call: Call,
  { items }: ReplaceRequest,
  wanted: ReadonlyMap<number, Wanted>,
  sought: Sought,
  into: Changes,
): Promise<void> {
  const seen = new Set<string>();
  const taken = new Set<string>();
  for (const live of sought.live) {
    const one = wanted.get(live.item);
    const misfit = misfitOf(call, live, one, items[live.item]?.ifVersion, seen);
    if (one === undefined || misfit !== null) {
      refuseLive(call, ACTION, live, misfit ?? 'internal', sought);
      continue;
    }
    const successor = await successorOf(call, live, one, taken);
    if (typeof successor === 'string') {
      into.relied.push({ row: live.row.row, version: live.row.version });
      refuseLive(call, ACTION, live, successor, sought);
    } else succeed(call, live, successor, sought, into);
    if (live.item % 64 === 63) await call.core.world.breathe();
  }
}

/** Why a live token cannot get this value, before anything is opened. */
function misfitOf(
  call: Call,
  { row }: Live,
  wanted: Wanted | undefined,
  ifVersion: number | undefined,
  seen: Set<string>,
): Code | null {
  const name = rowName(row.row);
  // A token twice in one request: there is no order to go by.
  const isTwice = seen.has(name);
  seen.add(name);
  if (isTwice || (ifVersion !== undefined && ifVersion !== row.version)) return 'conflict';
  const isPast = typeof wanted?.expiresAt === 'number' && wanted.expiresAt <= call.now;
  // A token never equals its value.
  return isPast || wanted?.normal === row.token ? 'invalid_value' : null;
}

function succeed(
  call: Call,
  live: Live,
  { replacement, inserts, met }: Successor,
  sought: Sought,
  into: Changes,
): void {
  const { value, earlier } = replacement;
  into.replacements.push(replacement);
  into.inserts.push(...inserts);
  if (met !== null) {
    into.endings.push(met);
    into.met.set(live.item, expiredDraft(call, live, met));
  }
  const detail = { version: value.version, ...(earlier === null ? {} : { readableUntil: earlier.until }) };
  done(call, ACTION, live, value.version, detail, sought, into);
}
