import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { z } from 'zod';

/** Stands for the acquirer, so that there is one to try with: declines what costs 1,000.00 or more. Keeps no card. */

const { PORT = '7431' } = process.env;
const payment = z.object({ card: z.string().regex(/^\d{12,19}$/), amount: z.int(), reference: z.string() });
const LIMIT = 100_000;

/** What became of each reference: the same one again is answered, and not charged. */
const charges = new Map<string, number>();

const server = createServer((request, response) => {
  json(request)
    .then((body) => {
      const { amount, reference } = payment.parse(body);
      const status = charges.get(reference) ?? (amount < LIMIT ? 201 : 402);
      charges.set(reference, status);
      return status;
    })
    .catch(() => 400)
    .then((status) => response.writeHead(status).end())
    .catch(() => response.destroy());
});
server.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : address;
  process.stdout.write(`${JSON.stringify({ event: 'listening', port })}\n`);
});
