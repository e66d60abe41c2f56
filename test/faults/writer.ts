// The smallest thing with a vault's promise: one row, committed, before each answer. `node writer.ts DATABASE`
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Database from 'better-sqlite3';

const database = new Database(process.argv[2]);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('create table row (id integer primary key) strict');
const insert = database.prepare('insert into row default values');

function answerOf(): { status: number; body: string } {
  try {
    return { status: 200, body: String(insert.run().lastInsertRowid) };
  } catch (error) {
    if (error instanceof Database.SqliteError) return { status: 500, body: error.code };
    throw error;
  }
}

const server = createServer((_, response) => {
  const { status, body } = answerOf();
  response.writeHead(status).end(body);
});
server.listen(0, '127.0.0.1', () => {
  // A TCP listener's address is never a pipe's name.
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${port}\n`);
});
