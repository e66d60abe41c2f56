import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CommandRefused } from './cli/refusal.ts';

/**
 * Takes an address.
 * @returns its URL, with the port that the system gave
 * @throws CommandRefused
 */
export const listen = (
  server: Server,
  host: string,
  port: number,
  scheme: 'http' | 'https',
): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new CommandRefused(`cannot listen on ${host} port ${port}: ${LISTEN_FAULTS[code ?? ''] ?? code}`),
      ),
    );
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      const { port: bound } = server.address() as AddressInfo;
      resolve(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound}`);
    });
  });

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'this host has no such address',
  EACCES: 'this user may not',
  ENOTFOUND: 'no such host name',
};
