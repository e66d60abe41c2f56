import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * What goes wrong with a request. `lost`: the vault did it, and its answer never arrives; `cut`: half of its answer
 * does; `busy`: refused as a vault refuses when too much waits, asking for `retryAfter` seconds; `gateway`: a page of
 * somebody who stands before the vault.
 */
export type Fault = 'lost' | 'cut' | 'gateway' | { readonly busy: number };

/** What stands between a caller and a vault. */
export interface Lossy {
  readonly url: string;
  /** What becomes of the requests to come, in their order; when there is none left, nothing goes wrong. */
  readonly faults: Fault[];
  /** Requests so far: their paths and Idempotency-Keys. */
  readonly asked: { readonly path: string; readonly idempotencyKey: string | null }[];
}

/** A way to a vault on which requests and answers are lost as told. Ends with the test. */
export async function lossy(vaultUrl: string): Promise<Lossy> {
  const faults: Fault[] = [];
  const asked: Lossy['asked'] = [];
  const server = createServer((incoming, answer) => {
    const key = incoming.headers['idempotency-key'];
    asked.push({ path: incoming.url ?? '', idempotencyKey: typeof key === 'string' ? key : null });
    void pass(vaultUrl, incoming, answer, faults.shift() ?? null).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, faults, asked };
}

async function pass(
  vaultUrl: string,
  incoming: IncomingMessage,
  answer: ServerResponse,
  fault: Fault | null,
): Promise<void> {
  const body = await whole(incoming);
  if (fault === 'gateway') {
    answer.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
    return;
  }
  if (typeof fault === 'object' && fault !== null) {
    const headers = { 'content-type': 'application/problem+json', 'retry-after': String(fault.busy) };
    answer.writeHead(503, headers).end(BUSY);
    return;
  }
  const { status, headers, bytes } = await forward(vaultUrl, incoming, body);
  if (fault === 'lost') {
    answer.destroy();
    return;
  }
  answer.writeHead(status, { ...headers, 'content-length': bytes.length });
  if (fault === 'cut') answer.write(bytes.subarray(0, bytes.length / 2), () => answer.destroy());
  else answer.end(bytes);
}

/** As the vault writes it (src/http/problem.ts). */
const BUSY = JSON.stringify({
  type: 'urn:strongroom:error:unavailable',
  title: 'The service cannot take this now; try again.',
  status: 503,
  code: 'unavailable',
  requestId: 'req_busybusybusybusy',
});

function forward(
  vaultUrl: string,
  { url = '/', method, headers }: IncomingMessage,
  body: Buffer,
): Promise<{ status: number; headers: Record<string, string>; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const { host: _host, connection: _connection, ...kept } = headers;
    const sent = send(new URL(url, vaultUrl), { method, headers: kept, agent: false }, (answered) => {
      const type = answered.headers['content-type'] ?? 'application/json';
      whole(answered).then(
        (bytes) => resolve({ status: answered.statusCode ?? 0, headers: { 'content-type': type }, bytes }),
        reject,
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function whole(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
