// The yardstick, as a process of its own: Hono and zod answering a POST with what it parsed, `bare`, or `shelled`
// with what any guarded service does for each request: an id, a size check, a key check and a log line.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { serve } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { destination, pino } from 'pino';
import { z } from 'zod';

const text = (longest: number) => z.string().min(1).max(longest);
const body = z.strictObject({
  items: z
    .array(
      z.strictObject({
        collection: text(200),
        value: text(4096),
        subject: text(128).optional(),
        expiresAt: z.iso.datetime().optional(),
        metadata: z.record(text(64), text(1024)).optional(),
        ref: text(64).optional(),
      }),
    )
    .min(1)
    .max(1000),
});

const largest = 8 * 1024 * 1024;
const key = randomBytes(32).toString('base64url');
const keyHash = createHash('sha256').update(key).digest();
const log = pino({ base: null }, destination({ dest: '/dev/null', sync: true }));

async function bare(c: Context): Promise<Response> {
  const parsed = body.safeParse(await c.req.json());
  if (!parsed.success) return c.json({ code: 'invalid_request' }, 400);
  return c.json(parsed.data);
}

function refuse(code: string, status: number, id: string): Response {
  return Response.json({ code }, { status, headers: { 'x-request-id': id } });
}

async function shelled(c: Context): Promise<Response> {
  const began = performance.now();
  const id = randomUUID();
  if (!(Number(c.req.header('content-length')) <= largest)) return refuse('payload_too_large', 413, id);
  const bearer = c.req.header('authorization')?.slice('Bearer '.length) ?? '';
  if (!timingSafeEqual(createHash('sha256').update(bearer).digest(), keyHash)) {
    return refuse('unauthenticated', 401, id);
  }
  const parsed = body.safeParse(await c.req.json());
  if (!parsed.success) return refuse('invalid_request', 400, id);
  // A plain object of headers costs nothing; setting one on a made answer costs more than half the rate.
  const answer = new Response(JSON.stringify(parsed.data), {
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-request-id': id },
  });
  log.info({ request: id, method: 'POST', route: '/echo', status: 200, ms: performance.now() - began });
  return answer;
}

const app = new Hono();
app.post('/echo', process.argv[2] === 'shelled' ? shelled : bare);

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => process.send?.({ port, key }));
process.on('disconnect', () => process.exit(0));
