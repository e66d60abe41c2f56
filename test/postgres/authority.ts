import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority and a server certificate of its own making, as PEM files. */
export interface Issued {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const openssl = (...argv: string[]): void => void execFileSync('openssl', argv, { stdio: 'pipe' });
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** `names` as in subjectAltName: `IP:127.0.0.1,DNS:localhost`. */
export function issue(folder: string, names: string): Issued {
  const at = (name: string): string => join(folder, name);
  const [ca, caKey] = [at('ca.pem'), at('ca.key')];
  const [cert, key, request] = [at('server.pem'), at('server.key'), at('server.csr')];
  const isCa = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
  openssl(
    'req',
    '-x509',
    ...CURVE,
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
    ...isCa,
    '-keyout',
    caKey,
    '-out',
    ca,
  );
  openssl('req', ...CURVE, '-subj', '/CN=server', '-keyout', key, '-out', request);
  writeFileSync(at('names'), `subjectAltName=${names}\n`);
  const signer = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', at('names')];
  openssl('x509', '-req', '-in', request, ...signer, '-out', cert);
  return { ca, cert, key };
}
