import { DatabaseError } from 'pg';
import { type FailureKind, StoreFailure } from '../vault/store.ts';

/**
 * What a failure means for a transaction that has not been committed. `collided`: with another one, and may be tried
 * again. `lost`: with the connection, and may be tried on another. `silent`: nothing came for so long that nobody is to wait for
 * another attempt. `refused`: trying again is of no use.
 */
export type Trouble = 'collided' | 'lost' | 'silent' | 'refused';

/** A failure whose sentence quotes nothing that the server said: its messages hold keys and values. */
export class PostgresFailure extends StoreFailure {
  readonly trouble: Trouble;

  constructor(kind: FailureKind, trouble: Trouble, message: string) {
    super(kind, message);
    this.name = 'PostgresFailure';
    this.trouble = trouble;
  }
}

/** The sentence of a user or a password that was refused. */
export const WHO_REFUSED = 'the store refused the user or the password';

type Row = readonly [code: RegExp, FailureKind, Trouble, sentence: string];

/** By SQLSTATE (PostgreSQL manual, appendix A): the first that fits. */
const BY_SQLSTATE: readonly Row[] = [
  [/^40(?:001|P01)$/, 'busy', 'collided', 'transactions of other processes kept getting in the way'],
  [/^55P03$/, 'busy', 'refused', 'the store was locked by another process for too long'],
  [/^57014$/, 'busy', 'refused', 'the store took too long over a statement'],
  [/^53100$/, 'full', 'refused', 'the disk of the store is full'],
  [/^53/, 'busy', 'refused', 'the store has no connection or memory left for this process'],
  [/^(?:08|57P|25P0[34])/, 'busy', 'lost', 'the store ended the connection'],
  [/^25006$/, 'busy', 'lost', 'the store takes no writes: it is a standby, or read-only'],
  [/^28/, 'other', 'refused', WHO_REFUSED],
  [/^3D000$/, 'other', 'refused', 'the database of the store is not there'],
  [/^42501$/, 'other', 'refused', 'the user of the store lacks a right: docs/postgres.md lists them'],
  [
    /^42(?:P01|703|P10|804)$/,
    'other',
    'refused',
    'the tables are not those of this release: run strongroom migrate',
  ],
];

/** By the code that Node gives an error of a socket or of TLS. */
const BY_CODE: readonly Row[] = [
  [
    /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_)/,
    'other',
    'refused',
    'the certificate of the store does not verify',
  ],
  [/^E[A-Z_]+$/, 'busy', 'lost', 'the store cannot be reached'],
];

/** By the message, for what the driver says without a code. */
const BY_MESSAGE: readonly Row[] = [
  [/^timeout exceeded when trying to connect$/, 'busy', 'refused', 'every connection to the store is in use'],
  [/after calling end on the pool$/, 'other', 'refused', 'the store is closed'],
  [/^The server does not support SSL/, 'other', 'refused', 'the store does not speak TLS'],
  [/^SASL/, 'other', 'refused', WHO_REFUSED],
  [/^Query read timeout$/, 'busy', 'silent', 'the store does not answer'],
  [
    /^(?:Connection terminated|timeout expired|Client (?:was closed|has encountered))/,
    'busy',
    'lost',
    'the connection to the store was lost',
  ],
];

/** The one place that reads a driver's error: nothing of it but a code goes further. */
export function failureOf(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error;
  if (error instanceof DatabaseError) return found(BY_SQLSTATE, error.code ?? '', /^[0-9A-Z]{5}$/);
  if (!(error instanceof Error)) return new PostgresFailure('other', 'refused', REFUSED);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  return code === null ? found(BY_MESSAGE, error.message, /^$/) : found(BY_CODE, code, /^[A-Z_]+$/);
}

const REFUSED = 'the store refused a statement';

function found(table: readonly Row[], key: string, quotable: RegExp): PostgresFailure {
  const said = quotable.test(key) && key !== '' ? ` (${key})` : '';
  for (const [pattern, kind, trouble, sentence] of table)
    if (pattern.test(key)) return new PostgresFailure(kind, trouble, sentence + said);
  return new PostgresFailure('other', 'refused', REFUSED + said);
}

/** Waits for the driver. */
export async function atTheDoor<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw failureOf(error);
  }
}
