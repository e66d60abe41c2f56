import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { connect } from '../../src/client/client.ts';
import type { DoctorReport } from '../../src/cli/host.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { eventsOf } from '../attack/tamper.ts';
import { cardNumber } from '../cards.ts';
import { type Made, made } from '../cli/made.ts';
import { serveProcess } from '../process.ts';
import { type Finished, MAIN, strongroom } from '../served.ts';
import { rowsIn, standingIn, toSqlite } from './moving.ts';

/** The command as an operator runs it, beside whoever serves the old store, and killed. */
vi.setConfig({ testTimeout: 300_000 });

const GRANTS = ['--grant', 'tokenise:customer-pan', '--grant', 'detokenise:customer-pan@settlement'];

async function vaultToMove(): Promise<{ vault: Made; key: string; to: string; old: string; moved: string }> {
  const vault = await made();
  writeFileSync(vault.config, readFileSync(vault.config, 'utf8').replace('port: 7420', 'port: 0'));
  const { key } = await vault.add('load', ...GRANTS);
  const to = toSqlite(vault.dir);
  return { vault, key, to, old: vault.at('data/strongroom.db'), moved: vault.at('moved/vault.db') };
}

const tokenise = async (vault: BoundVault, values: readonly string[]): Promise<string[]> => {
  const { items } = await vault.tokenise({
    items: values.map((value) => ({ collection: 'customer-pan', value })),
  });
  return items.map((item) => ('token' in item ? item.token : expect.fail(item.error.code)));
};

async function detokenise(
  vault: BoundVault,
  known: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const told = new Map<string, string>();
  const tokens = [...known.keys()];
  for (let from = 0; from < tokens.length; from += 1000) {
    const asked = tokens.slice(from, from + 1000);
    const items = asked.map((token) => ({ collection: 'customer-pan', token }));
    const answer = await vault.detokenise({ purpose: 'settlement', items });
    for (const [i, item] of answer.items.entries())
      told.set(asked[i] ?? '', 'value' in item ? item.value : item.error.code);
  }
  return told;
}

it('moves a vault that is served under load: whatever was acknowledged is in the new store, and nothing after', async () => {
  const { vault, key, to, old, moved } = await vaultToMove();
  const served = await serveProcess(vault.config);
  const known = new Map<string, string>();
  const state = { next: 0, refused: 0 };
  const load = Array.from({ length: 6 }, async (_, lane) => {
    const client = connect({ url: served.url, apiKey: key });
    for (;;) {
      const values = Array.from({ length: lane === 0 ? 200 : 1 }, () => cardNumber(state.next++));
      try {
        const tokens = await tokenise(client, values);
        for (const [i, token] of tokens.entries()) known.set(token, values[i] ?? '');
      } catch (error) {
        expect(error).toMatchObject({ code: 'unavailable' });
        state.refused += 1;
        return;
      }
    }
  });
  while (known.size < 3000) await new Promise((turn) => setImmediate(turn));
  const started = known.size;
  const copied = await strongroom(['store', 'copy', '--to', to, '--config', vault.config, '--json']);
  await Promise.all(load);
  expect(copied).toMatchObject({ code: 0 });
  expect(known.size).toBeGreaterThan(started);
  expect(state.refused).toBe(6);

  // The old one answers nothing, says why to its operator, and is neither served nor opened again.
  const client = connect({ url: served.url, apiKey: key });
  const [[token = '', value = ''] = []] = known;
  await expect(detokenise(client, new Map([[token, value]]))).rejects.toMatchObject({
    code: 'audit_unavailable',
  });
  expect((await fetch(`${served.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${served.url}/livez`)).status).toBe(200);
  const sentence = 'the vault was moved to sqlite:vault.db, and this store is closed for good: use that one';
  const stopped = await served.stop();
  expect(stopped.stdout).toMatch(
    /"kind":"store","reason":"(?:the store is closed while it is copied|the vault was moved)/,
  );
  expect(stopped.stdout).toContain(`"fault":"${sentence}"`);
  for (const command of [['serve'], ['clients', 'list'], ['audit', 'verify'], ['store', 'reopen']])
    expect(await vault.run(...command)).toMatchObject({ code: 1, stderr: expect.stringContaining(sentence) });
  const { stdout } = await vault.run('doctor', '--json');
  const { findings } = JSON.parse(stdout) as DoctorReport;
  expect(findings.map(({ id }) => id)).toContain('store-closed');
  expect(eventsOf(old).at(-1)).toMatchObject({ action: 'store.copy' });
  expect(rowsIn(moved)).toEqual(rowsIn(old));

  const again = await serveProcess(to);
  expect(await detokenise(connect({ url: again.url, apiKey: key }), known)).toEqual(known);
  await again.stop();
  expect(await strongroom(['audit', 'verify', '--config', to])).toMatchObject({ code: 0 });

  // Nothing of a value, or of a key, in what was printed or made.
  const shown = copied.stdout + copied.stderr + stopped.stdout + stopped.stderr;
  const made = readFileSync(moved);
  for (const secret of [...[...known.values()].slice(0, 500), key]) {
    expect(shown.includes(secret)).toBe(false);
    expect(made.includes(secret)).toBe(false);
  }
});

it('a process that served the old store goes on once it is reopened', async () => {
  const { vault, key, to, old } = await vaultToMove();
  const served = await serveProcess(vault.config);
  const client = connect({ url: served.url, apiKey: key });
  const known = new Map((await tokenise(client, [cardNumber(1)])).map((token) => [token, cardNumber(1)]));
  const { code, stderr } = await killedAt(start(vault, to), 'Comparing both stores');
  expect({ code, stderr }).toMatchObject({ code: null });
  expect(standingIn(old)).toBe('leaving sqlite:vault.db');
  await expect(tokenise(client, [cardNumber(2)])).rejects.toMatchObject({ code: 'unavailable' });
  expect(await vault.run('serve')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('go on with strongroom store copy, or back with strongroom store reopen'),
  });
  expect(await strongroom(['serve', '--config', to])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('a copy that is not complete'),
  });
  expect(await vault.run('store', 'reopen')).toMatchObject({ code: 0 });
  expect(await detokenise(client, known)).toEqual(known);
  expect((await fetch(`${served.url}/readyz`)).status).toBe(200);
  await served.stop();
  expect(await vault.run('audit', 'verify')).toMatchObject({ code: 0 });
});

const LINES = [
  'Closing the store: whoever serves it refuses from here on',
  'Beginning the copy',
  'Copying the store',
  'Comparing both stores',
  'Trying every key, cell and event',
  'Handing over',
  'Opening the new store',
];

it('killed with -9 at each of its lines, it goes on, and two that run at once do no harm', async () => {
  const { vault, key, to, old, moved } = await vaultToMove();
  const served = await serveProcess(vault.config);
  const client = connect({ url: served.url, apiKey: key });
  const values = Array.from({ length: 1000 }, (_, i) => cardNumber(i));
  const known = new Map((await tokenise(client, values)).map((token, i) => [token, values[i] ?? '']));
  await served.stop();
  for (const line of LINES) {
    await killedAt(start(vault, to), line);
    const standings = [standingIn(old), standingIn(moved)];
    expect(standings.filter((standing) => standing.startsWith('open')).length).toBeLessThan(2);
  }
  const both = await Promise.all([finished(start(vault, to)), finished(start(vault, to))]);
  for (const { code, stderr } of both)
    if (code !== 0) expect(stderr).toMatch(/no longer this copy|closed for good|is open\n|locked by another/);
  expect(await finished(start(vault, to))).toMatchObject({ code: 0 });
  expect(rowsIn(moved)).toEqual(rowsIn(old));
  const again = await serveProcess(to);
  expect(await detokenise(connect({ url: again.url, apiKey: key }), known)).toEqual(known);
  await again.stop();
  expect(await strongroom(['audit', 'verify', '--config', to])).toMatchObject({ code: 0 });
});

const start = (vault: Made, to: string): ChildProcess =>
  spawn(process.execPath, [MAIN, 'store', 'copy', '--to', to, '--config', vault.config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });

function finished(child: ChildProcess, told: (stderr: string) => void = () => undefined): Promise<Finished> {
  const out = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => told((out.stderr += chunk.toString())));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...out })));
}

/** Kills it as soon as it says so; it may have come further by then, or may never come there any more. */
const killedAt = (child: ChildProcess, line: string): Promise<Finished> =>
  finished(child, (stderr) => {
    if (stderr.includes(line)) child.kill('SIGKILL');
  });
