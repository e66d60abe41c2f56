import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { debuggingFault } from '../../src/debugging.ts';
import { makeVaultDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { MAIN } from '../served.ts';

/** Each test starts a process for each option. */
vi.setConfig({ testTimeout: 600_000 });

const serveWith = (config: string, options: readonly string[], env: Record<string, string>) =>
  spawnSync(process.execPath, [...options, MAIN, 'serve', '--config', config], {
    encoding: 'utf8',
    // What it would write, it writes there; a node that does serve is not waited for.
    cwd: join(config, '..'),
    env: { ...process.env, ...env },
    timeout: 150_000,
  });

/** As a person would write them: with values, apart from them, with underscores, quoted. */
const OPTIONS: readonly (readonly string[])[] = [
  ['--inspect=127.0.0.1:0'],
  ['--inspect-port=0'],
  ['--heapsnapshot-signal=SIGUSR2'],
  ['--heapsnapshot-signal', 'SIGUSR2'],
  ['--heapsnapshot_signal=SIGUSR2'],
  ['--heapsnapshot-near-heap-limit=1'],
  ['--heap-prof'],
  ['--cpu-prof'],
  ['--prof', '--no-logfile-per-isolate'],
  ['--report-on-signal'],
  ['--report-on-fatalerror'],
  ['--report-uncaught-exception'],
  ['--diagnostic-dir=.'],
  ['--abort-on-uncaught-exception'],
  ['--tls-keylog=keylog'],
  ['--trace-tls'],
  ['--trace-event-categories=v8'],
];

it('serve refuses to start under what shows its memory or its traffic, and says what that is', async () => {
  const config = join(await makeVaultDir(), 'strongroom.yaml');
  const before = readdirSync(join(config, '..', 'data'));
  for (const options of OPTIONS) {
    const { status, stdout, stderr } = serveWith(config, options, {});
    const [name = ''] = (options[0] ?? '').split('=');
    expect({ options, status, stdout }).toEqual({ options, status: 1, stdout: '' });
    expect(stderr).toContain(`strongroom: node runs with the option ${name}: that can show keys and values`);
  }
  // Nothing was opened for any of them.
  expect(readdirSync(join(config, '..', 'data'))).toEqual(before);
});

it('serve refuses them in NODE_OPTIONS too, and variables that do as much', async () => {
  const config = join(await makeVaultDir(), 'strongroom.yaml');
  const cases: [Record<string, string>, string][] = [
    [{ NODE_OPTIONS: '--heapsnapshot-signal=SIGUSR2' }, '--heapsnapshot-signal in NODE_OPTIONS'],
    [{ NODE_OPTIONS: '--max-old-space-size=512 "--heap-prof"' }, '--heap-prof in NODE_OPTIONS'],
    [{ NODE_OPTIONS: '--report_on_signal' }, '--report_on_signal in NODE_OPTIONS'],
    [{ NODE_OPTIONS: '--inspect=127.0.0.1:0' }, '--inspect in NODE_OPTIONS'],
    [{ NODE_V8_COVERAGE: 'coverage' }, 'the variable NODE_V8_COVERAGE'],
    [{ NODE_DEBUG: 'stream' }, 'the variable NODE_DEBUG'],
  ];
  for (const [env, named] of cases) {
    const { status, stderr } = serveWith(config, [], env);
    expect({ env, status }).toEqual({ env, status: 1 });
    expect(stderr).toContain(`strongroom: node runs with ${named}: `);
  }
});

it('takes what an operator needs, and finds what was switched on some other way', () => {
  const start = { options: [], env: {}, inspector: undefined, reports: false };
  const harmless = [
    '--max-old-space-size=512',
    '--disable-sigusr1',
    '--import',
    'tsx',
    '--no-inspect',
    '--loader=x',
  ];
  expect(
    debuggingFault({
      ...start,
      options: harmless,
      env: { NODE_OPTIONS: harmless.join(' '), NODE_DEBUG: '' },
    }),
  ).toBeNull();
  expect(debuggingFault({ ...start, inspector: 'ws://127.0.0.1:9229/x' })).toContain('an inspector');
  expect(debuggingFault({ ...start, reports: true })).toContain('diagnostic reports');
  expect(debuggingFault({ ...start, options: ['-prof'] })).toContain('-prof');
  expect(debuggingFault({ ...start, options: ['--experimental-default-config-file'] })).toContain(
    'config-file',
  );
});

/** Where a process's sockets can be listed. */
const onLinux = it.skipIf(process.platform !== 'linux');

onLinux('serves on with no inspector after the signal that starts one', async () => {
  const served = await serveProcess(join(await makeVaultDir(), 'strongroom.yaml'));
  expect(listeners(served.pid)).toHaveLength(1);
  process.kill(served.pid, 'SIGUSR1');
  for (let asked = 0; asked < 50; asked++) expect((await fetch(`${served.url}/livez`)).status).toBe(200);
  expect(listeners(served.pid)).toHaveLength(1);
  const { code, stderr } = await served.stop();
  expect(code).toBe(0);
  expect(stderr).not.toContain('Debugger');
});

onLinux('would find the inspector of a process that does not take the signal', async () => {
  const script = `setInterval(() => {}, 1000); process.stdout.write('up')`;
  const plain = spawn(process.execPath, ['--inspect-port=0', '-e', script]);
  onTestFinished(() => void plain.kill('SIGKILL'));
  await new Promise((up) => plain.stdout.once('data', up));
  process.kill(plain.pid ?? -1, 'SIGUSR1');
  await new Promise((told) => plain.stderr.once('data', told));
  expect(listeners(plain.pid ?? -1)).toHaveLength(1);
});

/** Inodes of the TCP sockets on which a process listens. */
function listeners(pid: number): string[] {
  const tables = ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n'),
  );
  const listening = new Set(
    tables
      .map((line) => line.trim().split(/\s+/))
      .flatMap((cells) => (cells[3] === '0A' ? [cells[9] ?? ''] : [])),
  );
  const files = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // Closed since the folder was read.
      return [];
    }
  });
  return files.flatMap((file) => {
    const [, inode = ''] = /^socket:\[(\d+)\]$/.exec(file) ?? [];
    return listening.has(inode) ? [inode] : [];
  });
}
