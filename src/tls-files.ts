import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { CommandRefused } from './cli/refusal.ts';
import type { TlsFiles } from './http/listener.ts';

/** What the listener takes, and the certificate as read. */
export type CheckedTls = TlsFiles & { readonly certificate: X509Certificate };

/**
 * Reads certificate and key and holds them against each other, so that what is wrong is said in words of ours.
 * @throws CommandRefused
 */
export function readTls(paths: { readonly cert: string; readonly key: string }): CheckedTls {
  mustBePrivate(paths.key);
  const cert = readPem(paths.cert, 'server.tls.cert', 'a certificate', (pem) => new X509Certificate(pem));
  const key = readPem(paths.key, 'server.tls.key', 'a private key without a passphrase', createPrivateKey);
  const belongs = cert.read.publicKey.equals(createPublicKey(key.read));
  if (!belongs)
    throw new CommandRefused('server.tls.key is not the key of the certificate in server.tls.cert');
  return { cert: cert.pem, key: key.pem, certificate: cert.read };
}

/** As for the master key's file: a private key that everybody on the host may read is none. */
function mustBePrivate(path: string): void {
  if (existsSync(path) && (statSync(path).mode & 0o007) !== 0)
    throw new CommandRefused('server.tls.key can be used by everybody on this host: chmod 600 it');
}

function readPem<T>(
  path: string,
  setting: string,
  what: string,
  read: (pem: Buffer) => T,
): { readonly pem: Buffer; readonly read: T } {
  const pem = readFile(path, setting);
  try {
    return { pem, read: read(pem) };
  } catch {
    throw new CommandRefused(`${setting} must be the path of a PEM file that holds ${what}`);
  }
}

function readFile(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw new CommandRefused(`${setting} cannot be read: does the file exist, and may this user read it?`);
  }
}
