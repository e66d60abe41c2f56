import { TILE_WIDTH } from './tile.ts';

/** What C2SP tlog-tiles (c2sp.org/tlog-tiles) serves under the log's prefix, by its path. */
export type LogResource =
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'tile'; readonly level: number; readonly index: number; readonly width: number }
  | { readonly kind: 'entries'; readonly index: number; readonly width: number };

const MOST_LEVEL = 6;

/** `checkpoint`, `tile/0/x001/x234/067.p/12`, `tile/entries/x001/234`: without a leading slash. */
export function resourcePath(resource: LogResource): string {
  if (resource.kind === 'checkpoint') return 'checkpoint';
  const { kind, index, width } = resource;
  const level = kind === 'tile' ? resource.level : 'entries';
  return `tile/${level}/${numberPath(index)}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Groups of three digits; all but the last begin with an x. */
function numberPath(index: number): string {
  const last = String(index % 1000).padStart(3, '0');
  return index < 1000 ? last : `${groups(Math.floor(index / 1000))}/${last}`;
}

const groups = (index: number): string =>
  `${index < 1000 ? '' : `${groups(Math.floor(index / 1000))}/`}x${String(index % 1000).padStart(3, '0')}`;

/** What a path names; null for one that is not written as the specification says. */
export function parseResource(path: string): LogResource | null {
  if (path === 'checkpoint') return { kind: 'checkpoint' };
  const match = /^tile\/(\d|entries)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path);
  if (match === null) return null;
  const [, level = '', number = '', partial] = match;
  const index = Number(number.replaceAll(/[x/]/g, ''));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (!Number.isSafeInteger(index) || (partial !== undefined && width >= TILE_WIDTH)) return null;
  const named: LogResource =
    level === 'entries'
      ? { kind: 'entries', index, width }
      : { kind: 'tile', level: Number(level), index, width };
  if (named.kind === 'tile' && named.level > MOST_LEVEL) return null;
  // One way to write it: no leading x000.
  return resourcePath(named) === path ? named : null;
}

/** Whether a tree of that size has it: a partial tile stays available as long as it was ever on the edge. */
export function isInTree(resource: Exclude<LogResource, { kind: 'checkpoint' }>, size: number): boolean {
  const level = resource.kind === 'tile' ? resource.level : 0;
  return resource.index * TILE_WIDTH + resource.width <= Math.floor(size / TILE_WIDTH ** level);
}
