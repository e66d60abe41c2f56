import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what a system gives out by itself (Linux from 32768 on, others from 49152): nobody who listens on any port, and no end
 * of a connection, comes upon one of these.
 */
const FIRST = 20_000;
const COUNT = 10_000;

/** Held for as long as this process lives. */
const held: Socket[] = [];

/**
 * A port of 127.0.0.1 on which nobody listens, and that no other test is given while this process lives: for what must know
 * its port beforehand, or have it again after it was down. Which of the tests has it, a datagram socket of the same number says.
 */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = FIRST + randomInt(COUNT);
    const socket = await bound(port);
    if (socket === null) continue;
    if (await isFree(port)) {
      held.push(socket.unref());
      return port;
    }
    socket.close();
  }
}

/** Null where somebody has it. */
async function bound(port: number): Promise<Socket | null> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return null;
  }
}

/** Something else of this machine may listen there. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
