import { randomUUID } from 'node:crypto';
import {
  fastify,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { type BoundVault, only } from 'strongroom/client';
import { answerOf, Failure, isGone, mayHaveHappened } from './failure.ts';
import * as shape from './shape.ts';

const SECRETS = 'partner-secret';

/** What this service needs of a vault. `detokenise` is not among it, nor among its grants: it cannot read what it keeps. */
type Vault = Pick<BoundVault, 'tokenise' | 'replace' | 'mask' | 'describe' | 'erase'>;

/** What the database of a registry holds. */
interface Partner {
  /** Null until the vault has answered. */
  readonly token: string | null;
  /** The Idempotency-Keys of its beginning and its end, drawn before either is asked for: however often that takes. */
  readonly registeredBy: string;
  readonly endedBy: string;
}

/** Credentials of partners: registered, refreshed by compare-and-set, shown as masks, erased when a partner leaves. */
export function partners(vault: Vault): FastifyInstance {
  const registered = new Map<string, Partner>();

  /** The partner is put down first: asking again, after an answer was lost, makes no second token. */
  async function register(request: FastifyRequest<shape.Register>, reply: FastifyReply): Promise<object> {
    const { name, keyId, secret } = request.body;
    const known = registered.get(name) ?? null;
    if (known !== null && known.token !== null) throw new Failure('partner_exists');
    const partner = known ?? newPartner();
    registered.set(name, partner);
    const item = { collection: SECRETS, value: secret, subject: name, metadata: { keyId } };
    const { token } = await vault
      .tokenise({ items: [item] }, partner.registeredBy)
      .then(only)
      .catch((error: unknown) => {
        if (known === null && !mayHaveHappened(error)) registered.delete(name);
        throw error;
      });
    registered.set(name, { ...partner, token });
    return reply.code(201).header('etag', etag(1)).send({ name, keyId });
  }

  /** The token stays, and so does whatever holds it. Who has read an older version than the newest is told so. */
  async function refresh(request: FastifyRequest<shape.Refresh>, reply: FastifyReply): Promise<object> {
    const { name } = request.params;
    const { keyId, secret } = request.body;
    const ifVersion = versionIn(request.headers['if-match']);
    const item = { ...named(name), value: secret, ifVersion, metadata: { keyId } };
    const { version } = only(await vault.replace({ items: [item] }, idempotencyKey('refresh')));
    return reply.header('etag', etag(version)).send({ name, keyId });
  }

  async function show(request: FastifyRequest<shape.Named>, reply: FastifyReply): Promise<object> {
    const { name } = request.params;
    const items = [named(name)];
    const [masks, descriptions] = await Promise.all([
      vault.mask({ purpose: 'support', items }),
      vault.describe({ items }),
    ]);
    const { version, metadata } = only(descriptions);
    return reply
      .header('etag', etag(version))
      .send({ name, keyId: metadata?.['keyId'], secret: only(masks).masked, version });
  }

  async function leave(request: FastifyRequest<shape.Named>, reply: FastifyReply): Promise<void> {
    const { name } = request.params;
    const items = [named(name)];
    await vault
      .erase({ reason: 'partner left', items }, registered.get(name)?.endedBy)
      .then(only)
      .catch((error: unknown) => {
        // It was erased before, and the answer was lost: that is what was asked for.
        if (!isGone(error)) throw error;
      });
    registered.delete(name);
    await reply.code(204).send();
  }

  function named(name: string): { readonly collection: string; readonly token: string } {
    const token = registered.get(name)?.token ?? null;
    if (token === null) throw new Failure('partner_not_found');
    return { collection: SECRETS, token };
  }

  const app = fastify({
    bodyLimit: 16 * 1024,
    logger: true,
    // One line a request, below: those of Fastify have the path that was asked, whatever stands in it.
    logController: new LogController({ disableRequestLogging: true }),
    // So has its answer to a path that is not UTF-8.
    frameworkErrors: refuseWhole,
    // What is not declared is refused, not dropped, and a number is no text.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  });
  app.addHook('onResponse', async ({ log, method, routeOptions }, { statusCode }) =>
    log.info({ method, route: routeOptions.url ?? '-', status: statusCode }, 'request'),
  );
  // An error's message may quote what was sent: neither the caller nor the log is given it.
  app.setErrorHandler(async (error, { log }, reply) => {
    const { status, code, retryAfter, told } = answerOf(error);
    if (told !== null) log.warn(told, 'failed');
    if (retryAfter !== null) void reply.header('retry-after', retryAfter);
    return reply.code(status).send({ code });
  });
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ code: 'not_found' }));
  app.post<shape.Register>('/partners', { schema: shape.register }, register);
  app.get<shape.Named>('/partners/:name', { schema: shape.named }, show);
  app.put<shape.Refresh>('/partners/:name/secret', { schema: shape.refresh }, refresh);
  app.delete<shape.Named>('/partners/:name', { schema: shape.named }, leave);
  return app;
}

const newPartner = (): Partner => ({
  token: null,
  registeredBy: idempotencyKey('register'),
  endedBy: idempotencyKey('leave'),
});

/** The client asks again under it where an answer is lost. */
const idempotencyKey = (verb: string): string => `${verb}/${randomUUID()}`;

/** What no route is looked up for. */
const refuseWhole = (_error: unknown, _request: unknown, reply: Pick<FastifyReply, 'code'>): void =>
  void reply.code(400).send({ code: 'bad_request' });

/** Versions of a credential, as HTTP has them (RFC 9110 8.8.3, 13.1.1). */
const etag = (version: number): string => `"${version}"`;

function versionIn(ifMatch: string | undefined): number {
  if (ifMatch === undefined) throw new Failure('version_needed');
  const [, version] = /^"([1-9][0-9]{0,8})"$/.exec(ifMatch) ?? [];
  if (version === undefined) throw new Failure('version_passed');
  return Number(version);
}
