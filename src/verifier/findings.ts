import { TILE_WIDTH } from '../log/tile.ts';
import { type Signed, since } from './claims.ts';
import { type Find, firstOther } from './report.ts';
import type { Walked } from './walk.ts';

/** Tells what is wrong with the entries of a log. @param size how many the newest checkpoint signs */
export function eventFindings(walked: Walked, size: number, { truth, known }: Signed, find: Find): void {
  const { computed, differing, malformed, inexact } = walked;
  for (const index of malformed) find('events', 'these bytes are not an event', index);
  for (const index of inexact) find('events', 'the file that begins here holds more than its events', index);
  const there = computed.edge.size;
  if (truth === 'tiles') {
    for (const { level, entries } of differing)
      if (level === 0)
        for (const index of entries) find('events', 'this event is not the one that was signed', index);
    return;
  }
  const first = truth === null ? firstOther(differing) : null;
  if (first !== null) find('events', 'this event is not the one that its tile tells of', first);
  if (there < size) find('events', 'this event is missing', there);
  else if (truth === null && first === null)
    find('events', `all events are there, but not as the newest checkpoint signs them${since(known, size)}`);
}

/** Tells which tiles are not those of the log. */
export function tileFindings({ differing }: Walked, { truth }: Signed, find: Find): void {
  for (const { level, index, how, entries, isTold } of differing) {
    const first = index * TILE_WIDTH ** (level + 1);
    if (how === 'gone') find('tiles', `tile ${level}/${index} is not there`, first);
    else if (truth === 'entries' || (truth === 'tiles' && level > 0 && !isTold))
      find('tiles', `tile ${level}/${index} is not that of the log`, entries[0] ?? first);
  }
}
