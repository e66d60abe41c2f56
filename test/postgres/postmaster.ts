import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { ownPort } from '../port.ts';
import { childrenOf, killed } from './processes.ts';
import { IDENTITY } from './identity.ts';
import { programs } from './programs.ts';
import type { Watchdog } from './watchdog.ts';

/** `fast` ends every connection and closes the files; `immediate` leaves recovery to the next start. */
export type StopMode = 'fast' | 'immediate';

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const satisfies Record<StopMode, NodeJS.Signals>;
const READY = /ready to accept (read-only )?connections/;
/** The port is somebody else's, or what a killed server left behind is still going away. */
const PASSING = /could not create any TCP\/IP sockets|is still in use/;
const ATTEMPTS = 60;

/** One server process over one data folder. */
export class Postmaster {
  readonly #data: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #watchdog: Watchdog;
  #child: ChildProcess | null = null;
  #port: number | null = null;
  #log = '';

  constructor(data: string, watchdog: Watchdog, env: NodeJS.ProcessEnv = {}) {
    this.#data = data;
    this.#env = env;
    this.#watchdog = watchdog;
  }

  get port(): number {
    if (this.#port === null) throw new Error('the server was never started');
    return this.#port;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** What the server has said so far. */
  get log(): string {
    return this.#log;
  }

  /** Starts, on the same port as before if it ran already, and waits until it takes connections. */
  async start(): Promise<void> {
    if (this.#child !== null) throw new Error('the server is running');
    for (let attempt = 1; ; attempt++) {
      const port = this.#port ?? (await ownPort());
      const refusal = await this.#attempt(port);
      if (refusal === null) {
        this.#port = port;
        return;
      }
      if (!PASSING.test(refusal) || attempt === ATTEMPTS)
        throw new Error(`PostgreSQL did not start: ${refusal}`);
      await pause(250);
    }
  }

  /** Null when it takes connections, else what it said before it ended. */
  #attempt(port: number): Promise<string | null> {
    const child = spawn(programs().postgres, ['-D', this.#data, '-p', String(port)], {
      ...IDENTITY,
      cwd: '/',
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    this.#child = child;
    this.#watchdog.watch(child.pid ?? null);
    let said = '';
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        this.#log += chunk.toString();
        if (READY.test(said)) resolve(null);
      });
      child.once('close', () => {
        this.#child = null;
        this.#watchdog.watch(null);
        resolve(said);
      });
    });
  }

  async stop(mode: StopMode): Promise<void> {
    await this.#end((child) => void child.kill(SIGNALS[mode]));
  }

  /**
   * Kill -9 of the postmaster and of every process under it at one time, as a lost machine ends them. The postmaster
   * alone would leave backends that answer what they have in hand.
   */
  async kill(): Promise<void> {
    await this.#end((child) => {
      child.kill('SIGSTOP');
      for (const pid of childrenOf(child.pid ?? -1)) killed(pid);
      child.kill('SIGKILL');
    });
  }

  async #end(signal: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const closed = new Promise<void>((resolve) => void child.once('close', () => resolve()));
    signal(child);
    await closed;
  }
}
