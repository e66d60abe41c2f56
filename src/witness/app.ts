import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { readBody } from './body.ts';
import type { Pace } from './pace.ts';
import type { Added, Witness } from './witness.ts';

interface Env {
  Bindings: HttpBindings;
}

/** What a line of the log tells of a request. Nothing of it is a caller's word: an origin and a size were signed. */
export interface WitnessLine {
  readonly status: number;
  readonly origin?: string;
  readonly size?: number;
  /** What was put down of it. */
  readonly noted?: string;
  readonly failure?: unknown;
}

export interface WitnessAppDeps {
  readonly witness: Witness;
  readonly pace: Pace;
  readonly addressOf: (incoming: HttpBindings['incoming']) => string | null;
  readonly log: (line: WitnessLine) => void;
}

/** A witness over HTTP. */
export interface WitnessApp {
  readonly fetch: Hono<Env>['fetch'];
  /** The answer to what is no request of HTTP. */
  readonly refuse: () => Response;
}

/** For a person who reads what a log was answered; a log reads the status. */
const SENTENCES: Readonly<Record<number, string>> = {
  400: 'this is no add-checkpoint request, or its old size is above the size of its checkpoint',
  403: 'no signature of the checkpoint is by a key that this witness trusts for the log',
  404: 'there is nothing here, or this witness does not know the log',
  405: 'add-checkpoint is asked with POST',
  413: 'the request is too large',
  422: 'the proof does not show that the checkpoint continues the one that this witness saw last',
  429: 'too many requests: ask again later',
  500: 'this witness failed',
  503: 'this witness cannot sign now: its log says why',
};

export function createWitnessApp({ witness, pace, addressOf, log }: WitnessAppDeps): WitnessApp {
  const app = new Hono<Env>();

  const refuse = (status: number, headers: Readonly<Record<string, string>> = {}): Response => {
    log({ status });
    return answer(status, sentenceOf(status), headers);
  };

  async function add({ env: { incoming } }: Context<Env>): Promise<Response> {
    if (!pace.allows(addressOf(incoming))) return refuse(429, { 'retry-after': '1' });
    const body = await readBody(incoming);
    if (body === null) return refuse(413, { connection: 'close' });
    const added = witness.add(body);
    log(lineOf(added));
    return answerOf(added);
  }

  app.post('/add-checkpoint', (context) => add(context));
  app.get('/livez', () => answer(200, '{"status":"live"}', { 'content-type': 'application/json' }));
  app.notFound(({ req }) => {
    if (req.path !== '/add-checkpoint' && req.path !== '/livez') return refuse(404);
    return refuse(405, { allow: req.path === '/livez' ? 'GET' : 'POST' });
  });
  app.onError((failure) => {
    log({ status: 500, failure });
    return answer(500, sentenceOf(500));
  });
  return { fetch: app.fetch, refuse: () => refuse(400) };
}

function lineOf({ status, submitted, noted }: Added): WitnessLine {
  if (submitted === null) return { status };
  const { origin, size } = submitted;
  return { status, origin, size, ...(noted === null ? {} : { noted }) };
}

function answerOf({ status, body }: Added): Response {
  // C2SP tlog-witness: what a log takes for the size that was seen.
  if (status === 409) return answer(409, body ?? '', { 'content-type': 'text/x.tlog.size' });
  return answer(status, body ?? sentenceOf(status), status === 503 ? { 'retry-after': '60' } : {});
}

const sentenceOf = (status: number): string => `${SENTENCES[status] ?? 'refused'}\n`;

const answer = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(body, {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  });
