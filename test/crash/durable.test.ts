import { expect, it } from 'vitest';
import { buildShim, type FaultEvent, type Faults, faultsIn } from '../faults/faults.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { type Served, strongroom } from '../served.ts';
import { makeVault } from './made-vault.ts';

/** With a shim under the C library: what the disk was told, and when, is seen and broken from outside. */

const shim = buildShim();
if (shim === null) process.emitWarning('skipped: durability under faults, since there is no C compiler here');

const CARD = '{"items":[{"collection":"cards","value":"4111111111111111"}]}';

interface Under {
  readonly faults: Faults;
  readonly served: Served;
  readonly config: string;
  readonly ask: (
    path: string,
    body: string | null,
  ) => Promise<{ readonly status: number; readonly text: string }>;
}

async function under(): Promise<Under> {
  const dir = tempDir();
  const { config, apiKey } = await makeVault(dir);
  const faults = faultsIn(tempDir(), shim ?? '');
  const served = await serveProcess(config, faults.env);
  return {
    faults,
    served,
    config,
    ask: async (path, body) => {
      const headers = {
        authorization: `Bearer ${apiKey}`,
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      };
      const answer = await fetch(new URL(path, served.url), {
        method: body === null ? 'GET' : 'POST',
        headers,
        body,
      });
      return { status: answer.status, text: await answer.text() };
    },
  };
}

const reveal = (token: string, purpose = 'settlement'): string =>
  JSON.stringify({ purpose, items: [{ collection: 'cards', token }] });

const tokenIn = (text: string): string => /"token":"(\d+)"/.exec(text)?.[1] ?? '';

/** The last write of the database before an answer, and whether a sync of the WAL stands between the two. */
function syncedBeforeAnswer(events: readonly FaultEvent[]): boolean {
  const answer = events.findLastIndex(({ kind }) => kind === 'answer');
  const before = events.slice(0, answer);
  const write = before.findLastIndex(({ kind }) => kind === 'dbwrite');
  const sync = before.findLastIndex(({ kind, detail }) => kind === 'sync' && detail.endsWith('-wal'));
  return answer > 0 && write >= 0 && sync > write;
}

it.skipIf(shim === null)('every answer waits for the sync of what it tells of', async () => {
  const { faults, ask } = await under();
  const { text } = await ask('/v1/tokenise', CARD);
  const token = tokenIn(text);
  const requests: [string, string | null, number][] = [
    ['/v1/tokenise', CARD, 200],
    ['/v1/detokenise', reveal(token), 200],
    ['/v1/detokenise', reveal(token, 'support'), 403],
    ['/v1/detokenise', reveal('4111110000001112'), 404],
    ['/v1/whoami', null, 200],
    ['/v1/collections', null, 200],
    ['/v1/explain', '{"action":"tokenise","collection":"nowhere"}', 200],
    ['/v1/policy/diff', '{"policy":{}}', 403],
    ['/v1/clients/list', '{}', 403],
  ];
  for (const [path, body, status] of requests) {
    const before = faults.events().length;
    expect(await ask(path, body)).toMatchObject({ status });
    const events = faults.events().slice(before);
    expect(syncedBeforeAnswer(events), `${path} ${status}: ${events.map(({ kind }) => kind).join(' ')}`).toBe(
      true,
    );
  }
});

it.skipIf(shim === null)(
  'an I/O error acknowledges nothing, and ends the process with its reason',
  async () => {
    const { faults, ask, served, config } = await under();
    const token = tokenIn((await ask('/v1/tokenise', CARD)).text);
    faults.break('eio');
    const answers = await Promise.allSettled([
      ask('/v1/detokenise', reveal(token)),
      ask('/v1/tokenise', CARD),
    ]);
    for (const answer of answers) if (answer.status === 'fulfilled') expect(answer.value.status).toBe(503);
    const ended = await served.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/the store failed \(SQLITE_IOERR\w*\): nothing more can be acknowledged/);

    faults.break(null);
    const again = await serveProcess(config);
    const verified = await strongroom(['audit', 'verify', '--config', config]);
    expect(verified).toMatchObject({ code: 0 });
    await again.stop();
  },
);

it.skipIf(shim === null)('a full disk closes the way out, and opens again without a restart', async () => {
  const { faults, ask, config } = await under();
  const token = tokenIn((await ask('/v1/tokenise', CARD)).text);
  faults.break('enospc');
  const refused = await ask('/v1/detokenise', reveal(token));
  expect(refused).toMatchObject({ status: 503 });
  expect(refused.text).toContain('audit_unavailable');
  expect(await ask('/v1/detokenise', reveal(token, 'support'))).toMatchObject({ status: 503 });
  const kept = await ask('/v1/tokenise', CARD);
  expect(kept).toMatchObject({ status: 503 });
  expect(kept.text).toContain('"unavailable"');
  expect(await ask('/readyz', null)).toMatchObject({ status: 503 });
  expect(await ask('/livez', null)).toMatchObject({ status: 200 });

  faults.break(null);
  expect(await ask('/v1/detokenise', reveal(token))).toMatchObject({ status: 200 });
  expect(await ask('/readyz', null)).toMatchObject({ status: 200 });
  expect(await strongroom(['audit', 'verify', '--config', config])).toMatchObject({ code: 0 });
});
