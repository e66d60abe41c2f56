import { Client } from 'pg';

/** Asks on a connection of its own. */
export async function asked(url: string, sql: string, ssl: object | false = false): Promise<unknown[]> {
  const client = new Client({ connectionString: url, ssl });
  // What breaks the connection fails the question that was under way.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
