import { readFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overTls } from 'node:https';
import { type Anchor, ANCHOR_PATIENCE, AnchorFailed, MOST_NOTE } from '../vault/anchor.ts';
import { newestOf } from './newest.ts';

/** A place that keeps what is PUT under a prefix and gives it back on GET, as object stores do. */
export interface HttpPlace {
  readonly name: string;
  /** Ends with a slash. */
  readonly url: string;
  readonly tokenFile: string | null;
  /** A PEM file; null for the authorities that Node knows. */
  readonly ca: string | null;
  readonly entries: boolean;
  /** In milliseconds, for one request. */
  readonly limit?: number;
}

const MOST_SECRET = 16 * 1024;

export function httpAnchor({ name, url, tokenFile, ca, entries, limit }: HttpPlace): Anchor {
  const ask = async (path: string, body: Uint8Array | null) => {
    const token = tokenFile === null ? null : await tokenIn(tokenFile);
    const authorities = ca === null ? undefined : await fileText(ca, 'the file of its authorities');
    return exchange(new URL(path, url), { body, token, ca: authorities, limit: limit ?? ANCHOR_PATIENCE });
  };
  const put = async (path: string, body: Uint8Array): Promise<void> => {
    const { status } = await ask(path, body);
    if (status < 200 || status > 299) throw new AnchorFailed(`it answers ${status} to a PUT`);
  };
  return {
    name,
    keeps: entries ? 'log' : 'checkpoints',
    newest: async () => {
      const { status, bytes } = await ask('checkpoint', null);
      if (status === 404) return null;
      if (status !== 200) throw new AnchorFailed(`it answers ${status} to a GET`);
      return newestOf(bytes);
    },
    put: async ({ note, files }) => {
      for await (const { path, bytes } of files) await put(path, bytes);
      await put('checkpoint', Buffer.from(note));
      return [];
    },
  };
}

export interface Asked {
  /** PUT where there is one, GET where it is null; POST where it says so. */
  readonly body: Uint8Array | null;
  readonly method?: 'POST';
  readonly token?: string | null;
  readonly ca?: string | undefined;
  readonly limit: number;
}

export interface Answered {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/**
 * One request, which ends within its limit: no redirect is followed, no certificate that does not hold is taken, and of an
 * answer at most MOST_NOTE bytes are read.
 * @throws AnchorFailed
 */
export const exchange = (url: URL, { body, method, token = null, ca, limit }: Asked): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const sent: ClientRequest = (isTls ? overTls : overHttp)(url, {
      method: method ?? (body === null ? 'GET' : 'PUT'),
      agent: false,
      signal: AbortSignal.timeout(limit),
      headers: {
        ...(body === null
          ? {}
          : { 'content-length': body.length, 'content-type': 'application/octet-stream' }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(ca === undefined ? {} : { ca }),
    });
    const fail = (why: string): void => {
      reject(new AnchorFailed(why));
      sent.destroy();
    };
    sent.once('error', (error: NodeJS.ErrnoException) => fail(whyNot(error)));
    sent.once('response', (answer: IncomingMessage) => {
      const { statusCode: status = 0 } = answer;
      if (status >= 300 && status < 400)
        return fail('it answers with another address, which is not followed');
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MOST_NOTE) fail('it answers more than a checkpoint can be');
        else chunks.push(chunk);
      });
      answer.once('error', (error: NodeJS.ErrnoException) => fail(whyNot(error)));
      answer.once('close', () => {
        if (answer.complete) resolve({ status, bytes: Buffer.concat(chunks) });
        else fail('its answer ends in the middle');
      });
      return undefined;
    });
    sent.end(body ?? undefined);
  });

function whyNot({ name, code = '' }: NodeJS.ErrnoException): string {
  if (name === 'AbortError' || name === 'TimeoutError') return 'it did not answer in time';
  if (/CERT|SIGNATURE|SIGNED|ISSUER/.test(code)) return 'its certificate is not trusted here';
  return /^[A-Z_]{1,40}$/.test(code) ? `no answer (${code})` : 'no answer';
}

async function tokenIn(path: string): Promise<string> {
  const token = (await fileText(path, 'its token file')).trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new AnchorFailed('its token file holds no token on one line');
  return token;
}

async function fileText(path: string, what: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new AnchorFailed(`${what} cannot be read`);
  });
  if (text.length > MOST_SECRET * 16) throw new AnchorFailed(`${what} is too large`);
  return text;
}
