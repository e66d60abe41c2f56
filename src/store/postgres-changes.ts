import type { Ending, Relied, Replacement } from '../vault/statement.ts';
import type { SetStatement } from './postgres-sets.ts';
import { type Given, unnested } from './postgres-sql.ts';

/**
 * What ends and replaces values: each one statement, though several tables change. All of it hangs off the value's row, which
 * is locked first, in the order of rows, and only at the version that was asked for. Whoever changes the rest changes the
 * version, so what a wait for the lock made old is not touched.
 */

/** `held`: what was given of the values that are as they should be, their rows locked. */
const held = (given: Given, version: string): string =>
  `with u as materialized (select * from ${unnested(given)}),
   held as materialized (
     select u.* from u join public."values" v on v."row" = u."row" and v."version" = ${version} order by u."row" for update of v
   )`;

/** The fingerprints that `done` names, out of both tables. */
const PRINTS_DROPPED = ['fingerprints', 'lookups']
  .map(
    (table) => `no_${table} as (
     delete from public."${table}" p using done
     where done."prints" = '${table}' and p."collection" = done."collection" and p."fingerprint" = done."fingerprint" and p."row" = done."row"
   )`,
  )
  .join(', ');

const ENDED: Given = [
  ['"row"', 'buffer'],
  ['"version"', 'number'],
  ['"collection"', 'string'],
  ['"hash"', 'buffer'],
  ['"prints"', 'string'],
  ['"fingerprint"', 'buffer'],
  ['"at"', 'number'],
];

export const END: SetStatement<Ending> = {
  name: 'end',
  answers: 'done',
  given: ENDED,
  key: [0],
  cells: ({ row, version, collection, hash, print, at }) => [
    row,
    version,
    collection,
    hash,
    print?.table ?? null,
    print?.fingerprint ?? null,
    at,
  ],
  text: `${held(ENDED, 'u."version"')},
   done as (delete from public."values" v using held where v."row" = held."row" returning held.*),
   ${PRINTS_DROPPED},
   no_earlier as (delete from public."earlier" e using done where e."row" = done."row"),
   ended as (
     update public."issued" i set "ended" = done."at" from done
     where i."collection" = done."collection" and i."hash" = done."hash" and i."row" = done."row" and i."ended" is null
   )
   select "position" from done`,
};

const REPLACED: Given = [
  ['"row"', 'buffer'],
  ['"version"', 'number'],
  ['"collection"', 'string'],
  ['"cell"', 'buffer'],
  ['"metadata"', 'buffer'],
  ['"key_id"', 'string'],
  ['"expires_at"', 'number'],
  ['"prints"', 'string'],
  ['"fingerprint"', 'buffer'],
  ['"earlier_version"', 'number'],
  ['"earlier_cell"', 'buffer'],
  ['"earlier_key_id"', 'string'],
  ['"earlier_until"', 'number'],
];

export const REPLACE: SetStatement<Replacement> = {
  name: 'replace',
  answers: 'done',
  given: REPLACED,
  key: [0],
  cells: ({ value, gone, earlier }) => [
    value.row,
    value.version,
    value.collection,
    value.cell,
    value.metadata,
    value.keyId,
    value.expiresAt,
    gone?.table ?? null,
    gone?.fingerprint ?? null,
    earlier?.version ?? null,
    earlier?.cell ?? null,
    earlier?.keyId ?? null,
    earlier?.until ?? null,
  ],
  text: `${held(REPLACED, 'u."version" - 1')},
   done as (
     update public."values" v set "cell" = held."cell", "metadata" = held."metadata", "key_id" = held."key_id",
       "version" = held."version", "expires_at" = held."expires_at"
     from held where v."row" = held."row" returning held.*
   ),
   ${PRINTS_DROPPED},
   no_earlier as (delete from public."earlier" e using done where e."row" = done."row" and done."earlier_version" is null),
   kept as (
     insert into public."earlier" ("row", "version", "cell", "key_id", "until")
     select "row", "earlier_version", "earlier_cell", "earlier_key_id", "earlier_until" from done
     where "earlier_version" is not null
     on conflict ("row") do update set "version" = excluded."version", "cell" = excluded."cell",
       "key_id" = excluded."key_id", "until" = excluded."until"
   )
   select "position" from done`,
};

const RELIED: Given = [
  ['"row"', 'buffer'],
  ['"version"', 'number'],
];

const reliedCells = ({ row, version }: Relied) => [row, version];

export const FORGET_EARLIER: SetStatement<Relied> = {
  name: 'forget_earlier',
  answers: 'done',
  cells: reliedCells,
  given: RELIED,
  key: [0, 1],
  text: `with u as materialized (select * from ${unnested(RELIED)}),
   held as materialized (
     select u.* from u join public."earlier" e on e."row" = u."row" and e."version" = u."version" order by u."row" for update of e
   )
   delete from public."earlier" e using held where e."row" = held."row" returning held."position"`,
};

/** Asked under the head's lock, in a statement of its own. */
export const CHECK_LIVE: SetStatement<Relied> = {
  name: 'check_live',
  answers: 'failed',
  cells: reliedCells,
  given: RELIED,
  key: [0],
  text: `select u."position" from ${unnested(RELIED)}
   where not exists (select from public."values" v where v."row" = u."row" and v."version" = u."version")`,
};
