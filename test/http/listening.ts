import { randomBytes } from 'node:crypto';
import { type OutgoingHttpHeaders, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { onTestFinished } from 'vitest';
import type { RequestLine } from '../../src/http/verb.ts';
import type { Meter } from '../../src/metrics/meter.ts';
import { type Listening, serve } from '../../src/serve.ts';
import { newVault, type TestClient, type TestVault } from '../harness.ts';

/** The vault behind a real listener, and requests as they go over the wire. */

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
  readonly json: unknown;
}

/** How a request differs from a POST of JSON. */
export interface Sending {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array | object | null;
  /** Sent in pieces, without a Content-Length. */
  readonly chunks?: readonly (string | Uint8Array)[];
  readonly localAddress?: string;
  /** A certificate to trust. */
  readonly ca?: string;
}

/** Sends one request on a connection of its own. */
export function send(url: string, sending: Sending = {}): Promise<Answer> {
  const { body = null, chunks = [], localAddress, ca } = sending;
  const method = sending.method ?? (body === null && chunks.length === 0 ? 'GET' : 'POST');
  const isBytes = typeof body === 'string' || body instanceof Uint8Array || body === null;
  const bytes = isBytes ? body : JSON.stringify(body);
  const headers = {
    ...(bytes === null && chunks.length === 0 ? {} : { 'content-type': 'application/json' }),
    ...(bytes === null ? {} : { 'content-length': Buffer.byteLength(bytes) }),
    ...sending.headers,
  };
  const ask = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, localAddress, ca };
    const sent = ask(url, options, (answer) => {
      const got: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => got.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const answered = Buffer.concat(got);
        const text = answered.toString();
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          bytes: answered,
          text,
          json: parsed(text),
        });
      });
    });
    sent.on('error', reject);
    for (const chunk of chunks) sent.write(chunk);
    sent.end(bytes ?? undefined);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export interface Served extends Listening {
  readonly open: TestVault;
  /** The lines that it logs. */
  readonly lines: RequestLine[];
  /** Adds a client; what it asks carries its API key. */
  readonly asking: (grants: readonly string[], more?: Parameters<TestVault['add']>[1]) => Promise<Asking>;
  /** Without a key. */
  readonly ask: (path: string, sending?: Sending) => Promise<Answer>;
}

export interface Asking {
  readonly client: TestClient;
  readonly ask: (path: string, sending?: Sending) => Promise<Answer>;
}

/** Serves a vault until the test is over. */
export async function listening(
  vault: Promise<TestVault> = newVault(),
  meter: Meter | null = null,
): Promise<Served> {
  const open = await vault;
  const lines: RequestLine[] = [];
  const server = await serve({
    settings: open.settings,
    vault: open.vault,
    meter,
    now: () => Date.now() + open.clock.offset,
    random: (bytes) => randomBytes(bytes),
    log: (line) => lines.push(line),
    prepare: () => Promise.resolve(),
    finish: () => Promise.resolve(),
  });
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopped ??= server.stop());
  onTestFinished(stop);
  const ask: Served['ask'] = (path, sending) => send(server.url + path, sending);
  return {
    url: server.url,
    metricsUrl: server.metricsUrl,
    stop,
    open,
    lines,
    ask,
    asking: async (grants, more = {}) => {
      const client = await open.add(grants, more);
      const authorization = `Bearer ${client.key}`;
      return {
        client,
        ask: (path, sending = {}) =>
          ask(path, { ...sending, headers: { authorization, ...sending.headers } }),
      };
    },
  };
}

/** The items of an answer. */
export function itemsOf({ json }: Answer): readonly Readonly<Record<string, unknown>>[] {
  const items: unknown = typeof json === 'object' && json !== null && 'items' in json ? json.items : [];
  return Array.isArray(items) ? (items as Record<string, unknown>[]) : [];
}

/** The token of a tokenise answer's only item. */
export const tokenOf = (answer: Answer): string => String(itemsOf(answer)[0]?.['token']);

/** A body without what differs from request to request. */
export const withoutId = ({ text }: Answer): string => text.replaceAll(/req_[\w-]{16}/g, 'req_…');
