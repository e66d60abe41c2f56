import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { type BoundVault, only } from 'strongroom/client';
import { z } from 'zod';
import type { Charge } from './acquirer.ts';
import { answerOf, Failure, type LogLine, mayHaveHappened } from './failure.ts';

const CARDS = 'customer-pan';

export interface Parts {
  /** What this service needs of a vault, and no more. */
  readonly vault: Pick<BoundVault, 'tokenise' | 'mask' | 'detokenise'>;
  readonly charge: Charge;
  readonly log: (line: LogLine) => void;
}

/** What the database of a payments service holds: the token, never the card. */
interface Customer {
  /** Null until the vault has answered. */
  readonly token: string | null;
  /** The request that stores it: the same one again is no conflict. */
  readonly storedBy: string;
}

const customerId = z.string().regex(/^cus_[A-Za-z0-9]{1,32}$/);
const newCustomer = z.strictObject({ id: customerId, card: z.string().max(40) });
const settlement = z.strictObject({
  batch: z.string().regex(/^S-[A-Za-z0-9-]{1,32}$/),
  payments: z
    .array(z.strictObject({ customer: customerId, amount: z.int().positive() }))
    .min(1)
    .max(100)
    // Batch and customer make a payment's reference: a second one would be taken for the first.
    .refine((asked) => new Set(asked.map(({ customer }) => customer)).size === asked.length),
});
const requestKey = z.string().regex(/^[A-Za-z0-9-]{8,64}$/);

/** Stores cards as tokens, shows masks, and sees a card only where it is charged. */
export function payments({ vault, charge, log }: Parts): Express {
  const customers = new Map<string, Customer>();

  /** The customer is put down first: repeated under its Idempotency-Key, a request makes one token, here and in the vault. */
  async function storeCard(request: Request, response: Response): Promise<void> {
    const { id, card } = newCustomer.parse(request.body);
    const key = requestKey.parse(request.get('idempotency-key'));
    const known = customers.get(id);
    if (known !== undefined && known.storedBy !== key) throw new Failure('customer_exists');
    customers.set(id, known ?? { token: null, storedBy: key });
    const { token } = await vault
      .tokenise({ items: [{ collection: CARDS, value: card, subject: id }] }, `customers/${key}`)
      .then(only)
      .catch((error: unknown) => {
        // Refused for good: another card may be tried. Where no answer came, the same request may be repeated.
        if (known === undefined && !mayHaveHappened(error)) customers.delete(id);
        throw error;
      });
    customers.set(id, { token, storedBy: key });
    response.status(201).json({ id, token });
  }

  async function showCard(request: Request, response: Response): Promise<void> {
    const id = customerId.parse(request.params['id']);
    const item = { collection: CARDS, token: tokenOf(id) };
    const { masked } = only(await vault.mask({ purpose: 'support', items: [item] }));
    response.json({ id, card: masked });
  }

  /** One request to the vault for all cards; each payment has an outcome of its own. */
  async function settle(request: Request, response: Response): Promise<void> {
    const { batch, payments: asked } = settlement.parse(request.body);
    const tokens = asked.map(({ customer }) => tokenOf(customer));
    const { items } = await vault.detokenise({
      purpose: 'settlement',
      ticket: batch,
      items: tokens.map((token) => ({ collection: CARDS, token })),
    });
    const outcomes = asked.map(async ({ customer, amount }, i) => {
      const item = items[i];
      if (item === undefined || 'error' in item) return { customer, outcome: 'no_card' };
      // The reference is what keeps a repeated settlement from charging twice.
      const reference = `${batch}/${customer}`;
      return { customer, outcome: await charge({ card: item.value, amount, reference }) };
    });
    response.json({ batch, payments: await Promise.all(outcomes) });
  }

  function tokenOf(id: string): string {
    const token = customers.get(id)?.token ?? null;
    if (token === null) throw new Failure('customer_not_found');
    return token;
  }

  /** The route as it is declared, not the path that was asked: nobody knows what callers put there. */
  function logged(request: Request, response: Response, next: NextFunction): void {
    response.once('finish', () => {
      const route: unknown = request.route?.path;
      log({
        event: 'request',
        method: request.method,
        route: typeof route === 'string' ? route : '-',
        status: response.statusCode,
      });
    });
    next();
  }

  /** Express would print an error with its message, and that of a body which is not JSON quotes the body. */
  function failed(error: unknown, _request: Request, response: Response, next: NextFunction): void {
    if (response.headersSent) return next(error);
    const { status, code, retryAfter, line } = answerOf(error);
    if (line !== null) log(line);
    if (retryAfter !== null) response.set('retry-after', String(retryAfter));
    response.status(status).json({ code });
  }

  const app = express();
  app.disable('x-powered-by');
  app.use(logged, express.json({ limit: '16kb' }));
  app.post('/customers', storeCard);
  app.get('/customers/:id', showCard);
  app.post('/settle', settle);
  app.use(() => {
    throw new Failure('not_found');
  });
  app.use(failed);
  return app;
}
