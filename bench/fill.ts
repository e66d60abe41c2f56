import { z } from 'zod';
import { openConnection } from './connection.ts';
import { cardNumber, requestBytes } from './requests.ts';
import type { Served } from './vault.ts';

const batch = 1000;
const callers = 4;
/** As many tokens are kept to be detokenised, spread evenly over the rows. */
const pool = 50_000;

const answer = z.object({ items: z.array(z.object({ token: z.string() })).length(batch) });

/** Tokenises the first `rows` card numbers (whole batches of 1,000); gives a shuffled sample of the tokens. */
export async function fill(target: Served, rows: number, say: (line: string) => void): Promise<string[]> {
  const total = Math.ceil(rows / batch);
  const keep = Math.min(batch, Math.ceil(pool / total));
  const tokens: string[] = [];
  const began = performance.now();
  let said = began;
  let next = 0;
  let done = 0;

  function progress(): void {
    const now = performance.now();
    if (now - said < 2000 && done < total) return;
    said = now;
    const rate = Math.round((done * batch) / ((now - began) / 1000));
    say(`fill ${done * batch} of ${total * batch} rows, ${rate}/s`);
  }

  function caller(): Promise<void> {
    return new Promise((resolve, reject) => {
      const opening = openConnection(
        target.port,
        (status, body) => {
          try {
            if (status !== 200)
              throw new Error(`fill was answered ${status}: ${body.toString('utf8').slice(0, 500)}`);
            for (const item of answer.parse(JSON.parse(body.toString('utf8'))).items.slice(0, keep)) {
              tokens.push(item.token);
            }
            done++;
            progress();
            void opening.then(ask);
          } catch (error) {
            reject(error);
          }
        },
        (reason) => reject(new Error(`fill lost its connection: ${reason}`)),
      );
      function ask(connection: Awaited<typeof opening>): void {
        if (next === total) {
          connection.close();
          return resolve();
        }
        const from = next++ * batch;
        const values = Array.from({ length: batch }, (_, i) => cardNumber(from + i));
        connection.ask(requestBytes('tokenise', target.port, target.key, values));
      }
      opening.then(ask, reject);
    });
  }

  await Promise.all(Array.from({ length: callers }, caller));
  return tokens
    .map((token) => ({ token, order: Math.random() }))

    .toSorted((a, b) => a.order - b.order)
    .map(({ token }) => token);
}
