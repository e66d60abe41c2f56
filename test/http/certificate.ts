import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { tempDir } from '../harness.ts';

/** A self-signed certificate for 127.0.0.1 and its key, as PEM files that are gone after the test. */
export function certificate(): { readonly cert: string; readonly key: string } {
  const dir = tempDir();
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = ['-days', '2', '-subj', '/CN=vault', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  return { cert, key };
}
