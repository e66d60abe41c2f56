import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import type { WrongPlace } from '../vault/error.ts';
import type { Code } from '../wire/codes.ts';
import { MOST_ITEMS } from '../wire/shape.ts';

/** Largest body, in bytes. */
const MOST_BYTES = 8 * 1024 * 1024;

/** What all bodies under way may hold at once, in bytes. */
const MOST_HELD = 64 * 1024 * 1024;

/** A body that is not taken, and why. */
export class BodyRefused extends Error {
  readonly code: Code;
  readonly errors: readonly WrongPlace[];

  constructor(code: Code, errors: readonly WrongPlace[] = []) {
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
  // RFC 9110 8.4: a coding that is not undone would be read as the value itself.
  if (!/^(?:identity)?$/i.test(headers['content-encoding'] ?? ''))
    throw new BodyRefused('unsupported_media_type');
  if (Number(headers['content-length'] ?? 0) > MOST_BYTES) throw new BodyRefused('payload_too_large');
}

/** Bodies under way: together they hold no more than the bound, however many callers send how slowly. */
export class Bodies {
  #held = 0;

  /**
   * Reads a whole body.
   * @throws BodyRefused past the bounds, or where the bytes are not UTF-8: replaced bytes would be another value
   */
  async read(incoming: IncomingMessage): Promise<string> {
    const body = { chunks: [] as Buffer[], size: 0 };
    try {
      await this.#collect(incoming, body);
    } finally {
      this.#held -= body.size;
    }
    const [first] = body.chunks;
    const bytes = body.chunks.length === 1 && first !== undefined ? first : Buffer.concat(body.chunks);
    if (!isUtf8(bytes)) throw malformed();
    return bytes.toString('utf8');
  }

  #collect(incoming: IncomingMessage, body: { readonly chunks: Buffer[]; size: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (code: Code): void => {
        incoming.removeAllListeners('data');
        incoming.resume();
        reject(new BodyRefused(code));
      };
      incoming.on('data', (chunk: Buffer) => {
        body.size += chunk.length;
        this.#held += chunk.length;
        if (body.size > MOST_BYTES) refuse('payload_too_large');
        else if (this.#held > MOST_HELD) refuse('unavailable');
        else body.chunks.push(chunk);
      });
      incoming.on('end', () => resolve());
      incoming.on('error', () => reject(malformed()));
      // A caller that goes away ends its body with neither. To make an error for each body would cost a tenth of the rate.
      incoming.on('close', () => {
        if (!incoming.readableEnded) reject(malformed());
      });
    });
  }
}

const malformed = (): BodyRefused =>
  new BodyRefused('invalid_request', [{ pointer: '', code: 'malformed_json' }]);

/** Parses a body against a route's schema: the parser's own words, which quote the body, go no further. */
export function parseBody<T>(text: string, schema: z.ZodType<T>, keys: SchemaKeys): T {
  const json = parseJson(text);
  if (isTooMany(json)) throw new BodyRefused('invalid_request', [{ pointer: '/items', code: 'too_big' }]);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues
    .slice(0, 20)
    .map(({ path, code }) => ({ pointer: pointerOf(path, keys), code }));
  throw new BodyRefused('invalid_request', errors);
}

/** Every batch has its items under this key; zod would look at each of a million before it counts them. */
const isTooMany = (json: unknown): boolean =>
  typeof json === 'object' &&
  json !== null &&
  'items' in json &&
  Array.isArray(json.items) &&
  json.items.length > MOST_ITEMS;

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
