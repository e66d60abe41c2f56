import { request as overHttp } from 'node:http';
import { request as overTls } from 'node:https';
import { CommandRefused } from './cli/refusal.ts';
import type { Settings } from './config/settings.ts';

/** How long the vault may take to answer, in milliseconds: its own patience is one second. */
const PATIENCE = 2500;

/** Addresses that mean every one of the host's: it is asked on loopback. */
const EVERY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * Asks `/readyz` of the vault that these settings serve, from the same host. Nothing secret is sent and nothing but a
 * status is read, so a certificate is not checked: it is made out to the name that callers use, not to loopback.
 * @throws CommandRefused with why it is not ready
 */
export async function mustBeReady({ server: { host, port, tls } }: Settings): Promise<void> {
  if (port === 0) throw new CommandRefused('server.port is 0: the port is whatever the system gave it');
  const status = await ask(EVERY[host] ?? host, port, tls !== null);
  if (status !== 200) throw new CommandRefused(`not ready: it answers ${status}, and its log says why`);
}

const ask = (host: string, port: number, isTls: boolean): Promise<number> =>
  new Promise((resolve, reject) => {
    const refuse = (why: string): void => reject(new CommandRefused(`not ready: ${why}`));
    const asked = (isTls ? overTls : overHttp)({
      host,
      port,
      path: '/readyz',
      agent: false,
      signal: AbortSignal.timeout(PATIENCE),
      ...(isTls ? { rejectUnauthorized: false } : {}),
    });
    asked.once('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.once('error', ({ name, code }: NodeJS.ErrnoException) => {
      if (name === 'AbortError' || name === 'TimeoutError') refuse('no answer in time');
      else if (code === 'ECONNRESET')
        refuse('it closes the connection: server.proxy must list this address too');
      else refuse(`no answer on ${host} port ${port} (${code ?? name})`);
    });
    asked.end();
  });
