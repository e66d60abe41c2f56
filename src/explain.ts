import { CommandRefused } from './cli/host.ts';
import { KeyFileRefused } from './masterkey/file.ts';
import { VaultError } from './vault/error.ts';
import { CannotOpen } from './vault/open.ts';
import { StoreFailure } from './vault/store.ts';

/** Errors whose messages are our own sentences: they quote no data. */
const OURS = [CommandRefused, KeyFileRefused, CannotOpen, StoreFailure, VaultError];

/** What a person at a terminal is told: our own sentences whole, of any other error nothing but its kind and code. */
export function explain(error: unknown): string {
  if (error instanceof VaultError && error.code === 'integrity')
    return `${error.message} strongroom audit verify says which.`;
  if (error instanceof VaultError && error.cause instanceof StoreFailure)
    return `${error.message} On this host: ${error.cause.message}.`;
  if (error instanceof Error && OURS.some((kind) => error instanceof kind)) return error.message;
  if (isSystemError(error)) return `the system refused: ${error.code} at ${error.syscall}`;
  return `something failed that should not have (${error instanceof Error ? error.name : 'unknown'})`;
}

const isSystemError = (error: unknown): error is { readonly code: string; readonly syscall: string } =>
  error instanceof Error && 'code' in error && 'syscall' in error;
