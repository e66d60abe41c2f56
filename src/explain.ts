import { BackupRefused } from './backup/refused.ts';
import { CommandRefused } from './cli/refusal.ts';
import { Unreachable } from './client/client.ts';
import { KeyFileRefused } from './masterkey/file.ts';
import { ArchiveRefused } from './vault/audit/archive.ts';
import { VaultError } from './vault/error.ts';
import { CannotOpen } from './vault/open.ts';
import { StoreFailure } from './vault/store.ts';
import { SourceRefused } from './verifier/source.ts';
import { WitnessRefused } from './witness/refused.ts';

/** Errors whose messages are our own sentences: they quote no data. */
const OURS = [
  ArchiveRefused,
  BackupRefused,
  CommandRefused,
  KeyFileRefused,
  CannotOpen,
  SourceRefused,
  StoreFailure,
  VaultError,
  WitnessRefused,
];

/** What node says of a certificate that it does not trust. */
const CERTIFICATE = /CERT|SIGNED|ISSUER|SIGNATURE/;
const UNTRUSTED =
  ': its certificate is not trusted here. NODE_EXTRA_CA_CERTS names a file of certificates that are';

/** What a person at a terminal is told: our own sentences whole, of any other error nothing but its kind and code. */
export function explain(error: unknown): string {
  if (error instanceof VaultError && error.code === 'integrity')
    return `${error.message} strongroom audit verify says which.`;
  // Of another vault's answer it is a text that anybody may have written.
  if (error instanceof VaultError && /^[a-z]{1,16}$/.test(error.needed?.action ?? ''))
    return `${error.message} It needs ${error.needed?.action}:*.`;
  if (error instanceof Unreachable)
    return `no answer from the vault (${error.reason})${CERTIFICATE.test(error.reason) ? UNTRUSTED : ''}`;
  if (error instanceof VaultError && error.cause instanceof StoreFailure)
    return `${error.message} On this host: ${error.cause.message}.`;
  if (error instanceof Error && OURS.some((kind) => error instanceof kind)) return error.message;
  if (isSystemError(error)) {
    const where = typeof error.path === 'string' ? ` of ${error.path}` : '';
    return `the system refused: ${error.code} at ${error.syscall}${where}`;
  }
  return `something failed that should not have (${error instanceof Error ? error.name : 'unknown'})`;
}

interface SystemError {
  readonly code: string;
  readonly syscall: string;
  readonly path?: unknown;
}

/** Node's own, of files and sockets: a path in it is the operator's. */
const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error && 'code' in error && 'syscall' in error;
