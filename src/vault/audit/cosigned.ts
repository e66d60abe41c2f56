import type { Secret } from '../../crypto/key.ts';
import { parseCheckpoint } from '../../log/checkpoint.ts';
import { parseNote, signatureLine } from '../../log/note.ts';
import type { Core } from '../core.ts';
import { anchorAt } from './anchoring.ts';

/** A checkpoint with the signatures that witnesses added. */
export interface CosignedCheckpoint {
  readonly note: string;
  readonly size: number;
}

/**
 * The newest checkpoint that a witness signed, with the signatures of all that signed this one; null before the first.
 * Each was held against its pinned key when it came.
 */
export async function cosignedNewest(
  { store, anchorNames }: Pick<Core, 'store' | 'anchorNames'>,
  rowsKey: Secret,
): Promise<CosignedCheckpoint | null> {
  const rows = await Promise.all(anchorNames.map((name) => anchorAt(store, name, rowsKey)));
  const notes = rows.flatMap(({ at }) =>
    at.state.note === '' ? [] : [parseNote(Buffer.from(at.state.note))],
  );
  const cosigned = notes.filter(({ signatures }) => signatures.length > 1);
  const sizeOf = ({ text }: { readonly text: string }): number => parseCheckpoint(text).size;
  const [newest] = cosigned.toSorted((a, b) => sizeOf(b) - sizeOf(a));
  if (newest === undefined) return null;
  const lines = cosigned
    .filter(({ text }) => text === newest.text)
    .flatMap(({ signatures }) => signatures.map((one) => signatureLine(one, one.signature)));
  return { note: `${newest.text}\n${[...new Set(lines)].join('')}`, size: sizeOf(newest) };
}
