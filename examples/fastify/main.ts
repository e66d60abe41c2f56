import { readFileSync } from 'node:fs';
import { connect } from 'strongroom/client';
import { partners } from './app.ts';

/** Settings come from the environment, the API key from a file: what stands in an environment is seen by many. */
const {
  STRONGROOM_URL = 'http://127.0.0.1:7420',
  STRONGROOM_KEY_FILE = 'partners.key',
  PORT = '7440',
} = process.env;

const vault = connect({
  url: STRONGROOM_URL,
  apiKey: readFileSync(STRONGROOM_KEY_FILE, 'utf8').trim(),
  timeout: 2000,
  retries: 2,
});

const app = partners(vault);
// Requests that are under way end first.
process.once('SIGTERM', () => void app.close());
await app.listen({ host: '127.0.0.1', port: Number(PORT) });
