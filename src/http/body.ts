import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import type { Code } from '../wire/codes.ts';
import type { ShapeError } from './problem.ts';

/** Largest body, in bytes. */
const MOST_BYTES = 8 * 1024 * 1024;

/** A body that is not taken, and why. */
export class BodyRefused extends Error {
  readonly code: Code;
  readonly errors: readonly ShapeError[];

  constructor(code: Code, errors: readonly ShapeError[] = []) {
    super(code);
    this.name = 'BodyRefused';
    this.code = code;
    this.errors = errors;
  }
}

/** Refuses, before a byte of it is read, a body of the wrong type or too large. */
export function checkHeaders({ headers }: IncomingMessage): void {
  const type = headers['content-type'] ?? '';
  if (!/^application\/json(?:\s*;\s*charset=utf-8)?$/i.test(type))
    throw new BodyRefused('unsupported_media_type');
  if (Number(headers['content-length'] ?? 0) > MOST_BYTES) throw new BodyRefused('payload_too_large');
}

/**
 * Reads a whole body.
 * @throws BodyRefused past the bound, or where the bytes are not UTF-8: replaced bytes would be another value
 */
export function readBody(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MOST_BYTES) chunks.push(chunk);
      else {
        incoming.removeAllListeners('data');
        incoming.resume();
        reject(new BodyRefused('payload_too_large'));
      }
    });
    incoming.on('end', () => {
      const [first] = chunks;
      const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      if (isUtf8(bytes)) resolve(bytes.toString('utf8'));
      else reject(malformed());
    });
    incoming.on('error', () => reject(malformed()));
  });
}

const malformed = (): BodyRefused =>
  new BodyRefused('invalid_request', [{ pointer: '', code: 'malformed_json' }]);

/** Parses a body against a route's schema: the parser's own words, which quote the body, go no further. */
export function parseBody<T>(text: string, schema: z.ZodType<T>, keys: SchemaKeys): T {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues
    .slice(0, 20)
    .map(({ path, code }) => ({ pointer: pointerOf(path, keys), code }));
  throw new BodyRefused('invalid_request', errors);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed();
  }
}

/** The keys that a schema names, as JSON Schema has them. */
export interface SchemaKeys {
  readonly properties?: Readonly<Record<string, SchemaKeys>>;
  readonly items?: SchemaKeys;
}

/** RFC 6901, as far as the schema's own keys go: it stops at the first key that the caller chose. */
function pointerOf(path: readonly PropertyKey[], keys: SchemaKeys): string {
  let pointer = '';
  let at: SchemaKeys | undefined = keys;
  for (const part of path) {
    if (typeof part === 'number' && at?.items !== undefined) at = at.items;
    else if (typeof part === 'string' && at?.properties !== undefined && Object.hasOwn(at.properties, part))
      at = at.properties[part];
    else break;
    pointer += `/${String(part)}`;
  }
  return pointer;
}
