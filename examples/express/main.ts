import { readFileSync } from 'node:fs';
import { connect } from 'strongroom/client';
import { acquirer } from './acquirer.ts';
import { payments } from './app.ts';

/** Settings come from the environment, the API key from a file: what stands in an environment is seen by many. */
const {
  STRONGROOM_URL = 'http://127.0.0.1:7420',
  STRONGROOM_KEY_FILE = 'payments.key',
  ACQUIRER_URL = 'http://127.0.0.1:7431',
  PORT = '7430',
} = process.env;

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** One for the whole process. Two tries more: whoever waits for us is told within six seconds that it did not work. */
const vault = connect({
  url: STRONGROOM_URL,
  apiKey: readFileSync(STRONGROOM_KEY_FILE, 'utf8').trim(),
  timeout: 2000,
  retries: 2,
});

const app = payments({ vault, charge: acquirer(ACQUIRER_URL), log: say });
const server = app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error !== undefined) throw error;
  const address = server.address();
  say({ event: 'listening', port: typeof address === 'object' ? address?.port : address });
});
process.once('SIGTERM', () => server.close());
