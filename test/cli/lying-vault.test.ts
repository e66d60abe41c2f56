import { writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { tempDir } from '../harness.ts';
import { strongroom } from '../served.ts';
import { first } from '../verifier/made-log.ts';

/** An auditor asks a vault that is somebody else's by now: what it answers is printed on his terminal. */

/** Colours, a title, a line that is written over; in C1 too, which JSON does not escape. */
const FOUL = '\u001b[31m\u001b]0;x\u0007\u009b2K\rok\u007f';

const ANSWERS: Readonly<Record<string, object>> = {
  '/v1/audit/key': { key: FOUL, size: 1, keys: [{ from: 0, key: FOUL }], requestId: 'r' },
  '/v1/audit/rotate-key': { key: FOUL, before: FOUL, from: 1, requestId: 'r' },
  '/v1/audit/checkpoint': { size: 1, checkpoint: `o\n1\n${FOUL}\n\n${FOUL}\n`, requestId: 'r' },
  '/v1/audit/events': { events: [{ index: 0, event: FOUL }], next: 1, size: 1, requestId: 'r' },
  '/v1/audit/prove': { index: 0, size: 1, proof: `p\n\n${FOUL}\n`, requestId: 'r' },
  '/v1/audit/verify': { ok: true, size: 1, root: FOUL, rows: 0, findings: [], requestId: 'r' },
};

async function vaultThat(answers: (path: string, response: ServerResponse) => void): Promise<string[]> {
  const server = createServer((request, response) => answers(request.url ?? '', response));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const keyFile = join(tempDir(), 'key');
  writeFileSync(keyFile, 'strongroom_key', { mode: 0o600 });
  return ['--url', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, '--key-file', keyFile];
}

it.each([['key'], ['key', '--all'], ['rotate-key'], ['checkpoint'], ['events'], ['prove', '0'], ['verify']])(
  'prints nothing of it that moves a terminal: audit %s %s',
  async (...argv) => {
    const place = await vaultThat((path, response) => response.end(JSON.stringify(ANSWERS[path] ?? {})));
    const { code, stdout, stderr } = await strongroom(['audit', ...argv, ...place]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('?[31m');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  },
);

it('a refusal that has no end is not read to it', async () => {
  let sent = 0;
  const place = await vaultThat((_path, response) => {
    response.writeHead(500, { 'content-type': 'application/problem+json' });
    const part = Buffer.alloc(65_536, ' ');
    const more = (): void => {
      while (!response.destroyed && sent < MOST) {
        sent += part.length;
        if (!response.write(part)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const refused = await strongroom(['audit', 'verify', '--key', first.verifier.text, ...place]);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('no answer from the vault (HTTP 500)');
  expect(sent).toBeLessThan(MOST);
});

/** What lies in buffers on the way is far less. */
const MOST = 256 * 1024 * 1024;
