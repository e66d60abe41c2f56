import type { AnchorNewest } from '../vault/anchor.ts';

/** What a place answered, with the size that it speaks of: 0 where it is no checkpoint, which nobody will have signed. */
export function newestOf(bytes: Uint8Array): AnchorNewest {
  const note = Buffer.from(bytes).toString('utf8');
  const [, size = '0'] = /^[^\n]+\n(\d{1,15})\n/.exec(note) ?? [];
  return { size: Number(size), note };
}
