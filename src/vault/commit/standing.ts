/**
 * Whether a store may be served: its head says so, under its MAC, and every commit holds to it (docs/adr/0008-store-copy.md).
 * `place` is another store's engine and name, `copy` the id of a copy.
 */
export type Standing =
  | { readonly state: 'open'; readonly copy: string | null }
  | { readonly state: 'leaving'; readonly place: string }
  | { readonly state: 'arriving'; readonly copy: string }
  | { readonly state: 'moved'; readonly place: string; readonly copy: string };

/** What a store stands at, and is to stand at next: as the head has it. */
export interface Turn {
  readonly from: string;
  readonly to: string;
}

/** The standing of a store that was founded. */
export const FOUNDED = 'open';

const PLACE = '(?:sqlite|postgres)(?::[A-Za-z0-9._-]{1,63})?';
const COPY = 'cpy_[1-9A-HJ-NP-Za-km-z]{13}';
const FORMS = new RegExp(
  `^(?:(?<state>open|leaving|arriving|moved))(?: (?<place>${PLACE}))?(?: (?<copy>${COPY}))?$`,
);

/** Reads the head's text; null for what no release before this one wrote. */
export function parseStanding(text: string): Standing | null {
  const { state, place = null, copy = null } = FORMS.exec(text)?.groups ?? {};
  if (state === 'open' && place === null) return { state, copy };
  if (state === 'leaving' && place !== null && copy === null) return { state, place };
  if (state === 'arriving' && place === null && copy !== null) return { state, copy };
  if (state === 'moved' && place !== null && copy !== null) return { state, place, copy };
  return null;
}

/** As the head has it. */
export function standingText(standing: Standing): string {
  const place = 'place' in standing ? ` ${standing.place}` : '';
  const copy = 'copy' in standing && standing.copy !== null ? ` ${standing.copy}` : '';
  return `${standing.state}${place}${copy}`;
}

/** Why a store that stands so takes no commit and is not served, for its operator; null for an open one. */
export function closedBecause(text: string): string | null {
  const standing = parseStanding(text);
  switch (standing?.state) {
    case 'open':
      return null;
    case 'leaving':
      return (
        `the store is closed while it is copied to ${standing.place}: ` +
        'go on with strongroom store copy, or back with strongroom store reopen'
      );
    case 'arriving':
      return 'the store is a copy that is not complete: go on with strongroom store copy';
    case 'moved':
      return `the vault was moved to ${standing.place}, and this store is closed for good: use that one`;
    default:
      return 'the store is closed by another release: use that one';
  }
}
