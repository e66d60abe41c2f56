import { VaultError } from '../vault/error.ts';
import { problem } from '../wire/shape.ts';
import { isSafeUrl } from '../wire/url.ts';
import { Refused, secondsOf, Unreachable } from './failure.ts';

/** Where a vault serves its log in the layout of C2SP tlog-tiles. */
const PREFIX = '/v1/audit/log/';
const PATIENCE = 30_000;
/** Bytes of a refusal. */
const MOST_REFUSAL = 65_536;

/**
 * Reads files of a running vault's log, by their path; null for what it does not have, and for more bytes than are asked for.
 * @throws Refused, Unreachable
 */
export function logFiles(
  url: string,
  apiKey: string,
): (path: string, most: number) => Promise<Uint8Array | null> {
  if (!isSafeUrl(url)) throw new TypeError('url is https://host[:port], or http:// on loopback');
  const base = new URL(url);
  return async (path, most) => {
    try {
      const response = await fetch(new URL(PREFIX + path, base), {
        headers: { authorization: `Bearer ${apiKey}` },
        redirect: 'error',
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (response.ok) return await bounded(response, most);
      const refused = problem.safeParse(await refusalIn(response));
      if (!refused.success) throw new Unreachable(`HTTP ${response.status}`);
      if (refused.data.code === 'not_found') return null;
      throw new Refused(refused.data, secondsOf(response.headers.get('retry-after')));
    } catch (error) {
      throw error instanceof VaultError ? error : new Unreachable(error);
    }
  };
}

/** Null for what is no JSON, or has no end. */
async function refusalIn(response: Response): Promise<unknown> {
  const bytes = await bounded(response, MOST_REFUSAL);
  try {
    return JSON.parse(Buffer.from(bytes ?? []).toString('utf8'));
  } catch {
    return null;
  }
}

async function bounded({ body }: Response, most: number): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    parts.push(part);
    size += part.length;
    // What ends the loop also gives up the rest of the answer.
    if (size > most) return null;
  }
  return Buffer.concat(parts);
}
