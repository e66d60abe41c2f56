import type { HttpBindings } from '@hono/node-server';
import type { IncomingHttpHeaders } from 'node:http';
import type { Origin } from '../vault/commit/event.ts';

/** What Hono carries for us: node's own request. */
export interface Env {
  Bindings: HttpBindings;
}

/** W3C Trace Context, version 00. */
const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Makes request ids; the random bytes are asked for in blocks, since an id is no secret. */
export function requestIds(random: (bytes: number) => Uint8Array): () => string {
  const size = 12;
  let block = random(size * 256);
  let used = 0;
  return () => {
    if (used === block.length) {
      block = random(size * 256);
      used = 0;
    }
    used += size;
    return `req_${Buffer.from(block.buffer, block.byteOffset + used - size, size).toString('base64url')}`;
  };
}

/** Where a request comes from. */
export function originOf(headers: IncomingHttpHeaders, address: string | null, request: string): Origin {
  const traceparent = headers['traceparent'];
  const trace = typeof traceparent === 'string' ? (TRACEPARENT.exec(traceparent)?.[1] ?? null) : null;
  return { via: 'http', to: 'caller', from: address, request, trace };
}

/** The API key of `Authorization: Bearer …`, or null. */
export function bearerOf(headers: IncomingHttpHeaders): string | null {
  const { authorization } = headers;
  // RFC 9110 11.1: the scheme's name is not case-sensitive.
  return /^Bearer /i.test(authorization ?? '') ? (authorization ?? '').slice('Bearer '.length) : null;
}
