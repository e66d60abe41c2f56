import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { connect } from '../../src/client/client.ts';
import type { DoctorReport } from '../../src/cli/host.ts';
import { eventsOf } from '../attack/tamper.ts';
import { cardNumber } from '../cards.ts';
import { type Made, made } from '../cli/made.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { finished, killedAt, LINES, start, startUntil } from './commands.ts';
import { acknowledgedOf, revealed, tokenise } from './load.ts';
import { rowsIn, standingIn, toSqlite } from './moving.ts';

/** The command as an operator runs it, beside whoever serves the old store, and killed. */
vi.setConfig({ testTimeout: 600_000 });

const GRANTS = ['--grant', 'tokenise:customer-pan', '--grant', 'detokenise:customer-pan@settlement'];

async function vaultToMove(): Promise<{ vault: Made; key: string; to: string; old: string; moved: string }> {
  const vault = await made();
  const { key } = await vault.add('load', ...GRANTS);
  const to = toSqlite(vault.dir);
  return { vault, key, to, old: vault.at('data/strongroom.db'), moved: vault.at('moved/vault.db') };
}

it('moves a vault that is served under load: whatever was acknowledged is in the new store, and nothing after', async () => {
  const { vault, key, to, old, moved } = await vaultToMove();
  const served = await serveProcess(vault.config);
  const { known, ended, stop } = acknowledgedOf(
    Array.from({ length: 6 }, () => served.url),
    key,
  );
  while (known.size < 3000) await new Promise((turn) => setImmediate(turn));
  const started = known.size;
  const copied = await strongroom(['store', 'copy', '--to', to, '--config', vault.config, '--json']);
  stop();
  expect(await ended).toEqual(Array.from({ length: 6 }, () => 'unavailable'));
  expect(copied).toMatchObject({ code: 0 });
  expect(known.size).toBeGreaterThan(started);

  // The old one answers nothing, says why to its operator, and is neither served nor opened again.
  const client = connect({ url: served.url, apiKey: key });
  const [[token = '', value = ''] = []] = known;
  await expect(revealed(client, new Map([[token, value]]))).rejects.toMatchObject({
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
  expect(await revealed(connect({ url: again.url, apiKey: key }), known)).toEqual(known);
  await again.stop();
  expect(await strongroom(['audit', 'verify', '--config', to])).toMatchObject({ code: 0 });

  // Nothing of a value, or of a key, in what was printed or made.
  const shown = copied.stdout + copied.stderr + stopped.stdout + stopped.stderr;
  const bytes = readFileSync(moved);
  for (const secret of [...[...known.values()].slice(0, 500), key]) {
    expect(shown.includes(secret)).toBe(false);
    expect(bytes.includes(secret)).toBe(false);
  }
});

it('a process that served the old store goes on once it is reopened', async () => {
  const { vault, key, to, old } = await vaultToMove();
  const served = await serveProcess(vault.config);
  const client = connect({ url: served.url, apiKey: key });
  const known = new Map((await tokenise(client, [cardNumber(1)])).map((token) => [token, cardNumber(1)]));
  const { code, stderr } = await finished(startUntil(vault, to, 'Comparing both stores', 'SIGKILL'));
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
  expect(await revealed(client, known)).toEqual(known);
  expect((await fetch(`${served.url}/readyz`)).status).toBe(200);
  await served.stop();
  expect(await vault.run('audit', 'verify')).toMatchObject({ code: 0 });
});

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
  expect(await revealed(connect({ url: again.url, apiKey: key }), known)).toEqual(known);
  await again.stop();
  expect(await strongroom(['audit', 'verify', '--config', to])).toMatchObject({ code: 0 });
});
