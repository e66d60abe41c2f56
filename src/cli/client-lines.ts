import type { ClientSummary } from '../wire/clients.ts';
import { printable } from './table.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** An expiry that is nearer than this is said aloud. */
const SOON = 14 * DAY;

export const CLIENT_TITLES = ['NAME', 'ID', 'KIND', 'STATE', 'EXPIRES', 'LAST USED', 'GRANTS'];

/** One client as a line of a table. */
export function clientCells(client: ClientSummary): string[] {
  const { name, id, kind, state, expiresAt, keys, restrictions, grants } = client;
  const narrowed = restrictions.map(({ restriction }) => restriction).filter((one) => one !== state);
  const uses = keys.flatMap(({ lastUsedAt }) => lastUsedAt ?? []).toSorted();
  const lastUse = uses.at(-1);
  return [
    name,
    id,
    kind,
    [state, ...narrowed].join(','),
    expiresAt ?? 'never',
    lastUse === undefined ? 'never' : minuteOf(lastUse),
    grants.join(' '),
  ];
}

/** One client, for a person: a line a fact, several for what there may be several of. */
export function clientLines(client: ClientSummary, now: number): string[] {
  const { id, name, kind, state, grants, createdAt, expiresAt, from, keys, restrictions } = client;
  const facts: [string, readonly string[]][] = [
    ['kind', [kind]],
    ['state', [state]],
    ['grants', grants],
    ['from', from.length === 0 ? ['anywhere'] : from],
    ['added', [createdAt]],
    ['expires', [expiryOf(expiresAt, now)]],
    ['keys', keys.map(keyLine)],
    ['restrictions', restrictions.length === 0 ? ['none'] : restrictions.map(restrictionLine)],
  ];
  const lines = facts.flatMap(([fact, told]) =>
    told.map((text, i) => `  ${(i === 0 ? fact : '').padEnd(14)}${text}`),
  );
  return [`${name} (${id})`, ...lines].map(printable);
}

function expiryOf(expiresAt: string | null, now: number): string {
  if (expiresAt === null) return 'never';
  const left = Date.parse(expiresAt) - now;
  if (left <= 0) return `${expiresAt}: it has expired`;
  if (left > SOON) return expiresAt;
  const days = Math.floor(left / DAY);
  return `${expiresAt}: in ${days < 1 ? 'less than a day' : days === 1 ? 'a day' : `${days} days`}`;
}

function keyLine({ id, createdAt, until, lastUsedAt }: ClientSummary['keys'][number]): string {
  const used = lastUsedAt === null ? 'not used yet' : `last used ${minuteOf(lastUsedAt)}`;
  return `${id}  made ${minuteOf(createdAt)}, ${used}${until === null ? '' : `, taken until ${until}`}`;
}

function restrictionLine({
  restriction,
  until,
  reason,
  by,
  at,
}: ClientSummary['restrictions'][number]): string {
  const why = reason === null ? '' : `: ${reason}`;
  return `${restriction} ${until === null ? 'until it is ended' : `until ${until}`}, by ${by} at ${minuteOf(at)}${why}`;
}

/** To the minute, which is all that is known of a last use. */
const minuteOf = (time: string): string => `${time.slice(0, 16)}Z`;
