import type { Context } from 'hono';
import { VaultError } from '../vault/error.ts';
import { answerHeaders, problem } from './problem.ts';
import { bearerOf, type Env, originOf } from './request.ts';
import type { Mounting } from './verb.ts';

/** Where C2SP tlog-tiles (c2sp.org/tlog-tiles) is served: checkpoint, tiles and entries as they are, for tools not ours. */
const PREFIX = '/v1/audit/log/';
/** The pattern, as it is logged. */
const ROUTE = `${PREFIX}*`;
const OCTETS = 'application/octet-stream';

/** A week: a tile never changes. `private`, since it is shown to whoever may see it alone. */
const KEPT = 'private, max-age=604800, immutable';

export function mountLog({ app, vault, nextId, now, addressOf, log }: Mounting): void {
  async function answer(
    { req, env }: Context<Env>,
    from: string | null,
    requestId: string,
  ): Promise<Response> {
    const { headers } = env.incoming;
    const apiKey = bearerOf(headers);
    if (apiKey === null) throw new VaultError('unauthenticated');
    const who = await vault.authenticate(apiKey, from);
    const caller = { who, origin: originOf(headers, from, requestId) };
    const { kind, bytes } = await vault.readLog(caller, req.path.slice(PREFIX.length));
    const type = kind === 'checkpoint' ? 'text/plain; charset=utf-8' : OCTETS;
    const kept = kind === 'tile' ? { 'cache-control': KEPT } : {};
    return new Response(new Uint8Array(bytes), { headers: { ...answerHeaders(requestId, type), ...kept } });
  }

  app.get(ROUTE, async (context) => {
    const requestId = nextId();
    const started = now();
    const line = { requestId, method: 'GET', route: ROUTE };
    try {
      const response = await answer(context, addressOf(context), requestId);
      log({ ...line, status: response.status, ms: now() - started });
      return response;
    } catch (error) {
      const code = error instanceof VaultError ? error.code : 'internal';
      if (code === 'unauthenticated') vault.refused(code, addressOf(context));
      const needed = error instanceof VaultError ? { needed: error.needed } : {};
      const response = problem(code, requestId, needed);
      const failure = code === 'internal' ? error : undefined;
      log({ ...line, status: response.status, ms: now() - started, code, failure });
      return response;
    }
  });
}
