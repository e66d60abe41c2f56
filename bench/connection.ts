import { connect } from 'node:net';

/** One keep-alive connection with at most one request in flight. */
export interface Connection {
  ask(request: Buffer): void;
  close(): void;
}

const headEnd = Buffer.from('\r\n\r\n');
const lengthOf = /\r\ncontent-length: *(\d+)/i;

/**
 * Opens a plain TCP connection to a loopback server. With two cores the client must cost little: no HTTP
 * library, requests are bytes made beforehand, and of an answer only the status and the length are read.
 * `onAnswer` gets the status and the body; `onLost` is called once if the connection ends or fails by itself.
 */
export function openConnection(
  port: number,
  onAnswer: (status: number, body: Buffer) => void,
  onLost: (reason: string) => void,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let parts: Buffer[] = [];
    let have = 0;
    let bodyAt = -1;
    let need = 0;
    let status = 0;
    let lost = false;

    function lose(reason: string): void {
      if (lost) return;
      lost = true;
      socket.destroy();
      onLost(reason);
      reject(new Error(`127.0.0.1:${port}: ${reason}`));
    }

    function readHead(bytes: Buffer): void {
      const end = bytes.indexOf(headEnd);
      if (end < 0) return;
      const head = bytes.toString('latin1', 0, end);
      const length = lengthOf.exec(head);
      if (length === null) return lose('answer without Content-Length');
      status = Number(head.slice(9, 12));
      bodyAt = end + headEnd.length;
      need = bodyAt + Number(length[1]);
    }

    function onData(chunk: Buffer): void {
      parts.push(chunk);
      have += chunk.length;
      if (bodyAt < 0) readHead(parts.length === 1 ? chunk : Buffer.concat(parts));
      if (bodyAt < 0 || have < need) return;
      const body = (parts.length === 1 ? chunk : Buffer.concat(parts)).subarray(bodyAt, need);
      parts = [];
      have = 0;
      bodyAt = -1;
      onAnswer(status, body);
    }

    socket.on('data', onData);
    socket.once('error', (error) => lose('code' in error ? String(error.code) : error.name));
    socket.once('close', () => lose('closed'));
    socket.once('connect', () =>
      resolve({
        ask: (request) => void socket.write(request),
        close: () => {
          lost = true;
          socket.destroy();
        },
      }),
    );
  });
}
