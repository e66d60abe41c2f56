import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, test } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { cardNumber } from '../cards.ts';
import { makeVault } from '../crash/made-vault.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { keeper } from './keeper.ts';

/** Real processes, real places: a store that is put back is not served. */

const PROGRAM = `#!/bin/sh
case "$1" in
  put) cat > "$0.new" && mv "$0.new" "$0.kept" ;;
  newest) if [ -e "$0.kept" ]; then cat "$0.kept"; fi ;;
  *) exit 2 ;;
esac
`;

interface Sink {
  readonly settings: string;
  /** The newest checkpoint that it keeps; empty before the first. */
  readonly kept: () => string;
}

const SINKS: Record<string, (dir: string) => Promise<Sink>> = {
  directory: async (dir) => {
    const path = join(dir, 'worm');
    mkdirSync(path);
    return { settings: `directory: ${path}, entries: true`, kept: () => textOf(join(path, 'checkpoint')) };
  },
  url: async (dir) => {
    const { url, files } = await keeper();
    writeFileSync(join(dir, 'token'), 'secret\n');
    return {
      settings: `url: "${url}", token: { file: token }, entries: true`,
      kept: () => files.get('checkpoint')?.toString() ?? '',
    };
  },
  command: async (dir) => {
    const path = join(dir, 'keep');
    writeFileSync(path, PROGRAM);
    chmodSync(path, 0o755);
    return { settings: `command: ${path}`, kept: () => textOf(`${path}.kept`) };
  },
};

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
const sizeOf = (note: string): number => Number(note.split('\n')[1] ?? 0);

async function anchoredVault(sink: (dir: string) => Promise<Sink>, more = '') {
  const dir = tempDir();
  const made = await makeVault(dir);
  const { settings, kept } = await sink(dir);
  writeFileSync(
    made.config,
    `anchors:\n  - { ${settings}, every: 1s${more} }\n${readFileSync(made.config, 'utf8')}`,
  );
  return { ...made, dir, kept };
}

/** Uses the vault until the place keeps all that was signed of it. */
async function grow(url: string, apiKey: string, kept: () => string, from: number): Promise<number> {
  const vault = connect({ url, apiKey });
  for (let card = from; card < from + 3; card++)
    await vault.tokenise({ items: [{ collection: 'cards', value: cardNumber(card) }] });
  const before = sizeOf(kept());
  await expect.poll(() => sizeOf(kept()), { timeout: 60_000 }).toBeGreaterThan(before + 2);
  return sizeOf(kept());
}

/** Its data as they were after the first time are in `older`. @returns the size that its anchor keeps after the second */
async function servedTwice({ dir, config, apiKey, kept }: Awaited<ReturnType<typeof anchoredVault>>) {
  const first = await serveProcess(config);
  await grow(first.url, apiKey, kept, 0);
  await first.stop();
  cpSync(join(dir, 'data'), join(dir, 'older'), { recursive: true });
  const second = await serveProcess(config);
  const size = await grow(second.url, apiKey, kept, 10);
  expect((await second.stop()).code).toBe(0);
  return size;
}

test.each(Object.entries(SINKS))(
  'a store that was put back is refused by what %s keeps, and the newer one is served again',
  async (_, sink) => {
    const vault = await anchoredVault(sink);
    const { dir, config, apiKey, kept, events } = vault;
    const data = join(dir, 'data');
    const put = (from: string): void => {
      rmSync(data, { recursive: true });
      cpSync(join(dir, from), data, { recursive: true });
    };
    const size = await servedTwice(vault);
    cpSync(data, join(dir, 'newer'), { recursive: true });

    put('older');
    const refused = await strongroom(['serve', '--config', config]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      new RegExp(`keeps a checkpoint of ${size} events, and the log of this store has \\d+: .*put back`),
    );
    expect(refused.stderr).not.toContain('Serving');
    expect(sizeOf(kept())).toBe(size);
    expect((await events()).at(-1)).toMatchObject({
      action: 'integrity',
      detail: { problem: 'the anchor keeps a checkpoint of more events than the log has' },
    });

    put('newer');
    const third = await serveProcess(config);
    await grow(third.url, apiKey, kept, 20);
    await third.stop();
    expect(await strongroom(['audit', 'verify', '--config', config])).toMatchObject({ code: 0 });
  },
  180_000,
);

it('a store that was put back and went on is refused once it is as long as what is kept', async () => {
  const vault = await anchoredVault(SINKS['directory'] ?? expect.fail());
  const { dir, config } = vault;
  const data = join(dir, 'data');
  const size = await servedTwice(vault);
  rmSync(data, { recursive: true });
  cpSync(join(dir, 'older'), data, { recursive: true });
  // On the host the log grows without anybody that serves, past what is kept.
  for (let more = 0; more < 12; more++) await strongroom(['audit', 'key', '--config', config]);
  const refused = await strongroom(['serve', '--config', config]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(
    `keeps a checkpoint of ${size} events that the log of this store does not continue`,
  );
});

it('a place that does not answer holds up no start where it is not required, and ends it where it is', async () => {
  const kept = await keeper();
  kept.lie = (_, response) => void response.writeHead(500).end();
  const sink = async (): Promise<Sink> => ({ settings: `url: "${kept.url}"`, kept: () => '' });
  const required = await anchoredVault(sink);
  const refused = await strongroom(['serve', '--config', required.config]);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toContain('the anchor url cannot be read back: it answers 500 to a GET');
  const optional = await anchoredVault(sink, ', required: false');
  const served = await serveProcess(optional.config);
  await expect.poll(() => served.output().stdout).toContain('"anchor":"url"');
  kept.lie = null;
  await expect.poll(() => kept.files.has('checkpoint'), { timeout: 60_000 }).toBe(true);
  await served.stop();
}, 180_000);
