import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { DAY, dayOf, type Finding, finding } from './finding.ts';

const SOON = 30 * DAY;

/**
 * A server's certificate as its callers will take it.
 * @param host what the server listens on
 */
export function* certificateFindings(cert: X509Certificate, host: string, now: number): Generator<Finding> {
  const [from, to] = [Date.parse(cert.validFrom), Date.parse(cert.validTo)];
  // One that is renewed every few days is not late while a third of its life is left.
  if (now < from || now >= to)
    yield finding(
      'tls-not-valid',
      `the certificate of server.tls.cert is valid from ${dayOf(from)} to ${dayOf(to)}, which is not now: callers refuse it. Renew it and restart.`,
    );
  else if (to - now < Math.min(SOON, (to - from) / 3))
    yield finding(
      'tls-expiring',
      `the certificate of server.tls.cert expires on ${dayOf(to)}: renew it and restart.`,
    );
  if (cert.subjectAltName === undefined)
    yield finding(
      'tls-names',
      'the certificate of server.tls.cert has no subjectAltName: callers of today take it for no host at all.',
    );
  // An address to listen on is not what callers call it by; a name is.
  else if (isIP(host) === 0 && cert.checkHost(host) === undefined)
    yield finding('tls-names', `the certificate of server.tls.cert does not name server.host, ${host}.`);
}
