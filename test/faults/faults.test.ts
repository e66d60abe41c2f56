import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildShim, faultsIn } from './faults.ts';
import type { Faults } from './faults.ts';

const shim = buildShim();
const title = shim === null ? 'the fault shim (skipped: it needs Linux and a C compiler)' : 'the fault shim';

describe.skipIf(shim === null)(title, () => {
  let folder: string;
  let faults: Faults;
  let child: ChildProcess;
  let url: string;

  beforeEach(async () => {
    if (shim === null) throw new Error('skipped without a shim');
    folder = mkdtempSync(join(tmpdir(), 'faults-'));
    faults = faultsIn(folder, shim);
    const writer = join(import.meta.dirname, 'writer.ts');
    const started = spawn(process.execPath, ['--import', 'tsx', writer, join(folder, 'row.db')], {
      env: { ...process.env, ...faults.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = started;
    const [port] = await once(started.stdout, 'data');
    url = `http://127.0.0.1:${String(port).trim()}/`;
  });

  afterEach(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true });
  });

  async function insert(): Promise<{ status: number; body: string }> {
    const response = await fetch(url);
    return { status: response.status, body: await response.text() };
  }

  function isOfWal({ detail }: { detail: string }): boolean {
    return detail === join(folder, 'row.db-wal');
  }

  test('sees each answer after the write and the sync that it waited for', async () => {
    const before = faults.events().length;
    for (const id of ['1', '2', '3']) expect(await insert()).toEqual({ status: 200, body: id });
    const events = faults.events().slice(before);
    const kinds = events.filter((event) => event.kind === 'answer' || isOfWal(event)).map(({ kind }) => kind);
    expect(kinds.join(' ')).toMatch(/^((dbwrite )+sync answer ?){3}$/);
    expect(Number(events.at(-1)?.detail)).toBeGreaterThan(0);
  });

  test('fails syncs on demand, and stops failing them', async () => {
    expect(await insert()).toEqual({ status: 200, body: '1' });
    faults.break('eio');
    expect(await insert()).toEqual({ status: 500, body: 'SQLITE_IOERR_FSYNC' });
    const refused = faults.events().slice(-2);
    expect(refused.map(({ kind }) => kind)).toEqual(['eio', 'answer']);
    faults.break(null);
    expect((await insert()).status).toBe(200);
    expect(faults.events().at(-2)?.kind).toBe('sync');
  });

  test('fills the disk on demand, and frees it', async () => {
    expect(await insert()).toEqual({ status: 200, body: '1' });
    faults.break('enospc');
    expect(await insert()).toEqual({ status: 500, body: 'SQLITE_FULL' });
    expect(await insert()).toEqual({ status: 500, body: 'SQLITE_FULL' });
    faults.break(null);
    expect(await insert()).toEqual({ status: 200, body: '2' });
  });
});
