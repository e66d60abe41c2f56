import { readFileSync } from 'node:fs';
import { connect } from '../../src/client/client.ts';
import { only } from '../../src/client/only.ts';
import { cardNumber } from '../cards.ts';

/** A caller of a process of its own, since whom it trusts is told to Node at its start. Ends at the first failure. */

const [url = '', keyFile = ''] = process.argv.slice(2);
const vault = connect({ url, apiKey: readFileSync(keyFile, 'utf8').trim(), retries: 6, timeout: 10_000 });

const collection = 'customer-pan';
for (let n = 1; ; n++) {
  const value = cardNumber(n);
  const { token } = only(await vault.tokenise({ items: [{ collection, value }] }, `card-${n}`));
  const shown = only(await vault.detokenise({ purpose: 'settlement', items: [{ collection, token }] }));
  if (shown.value !== value) throw new Error('another value came back');
  process.stdout.write(`done ${n};\n`);
}
