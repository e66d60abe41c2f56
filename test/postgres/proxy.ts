import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { ownPort } from '../port.ts';
import { LOOPBACK } from './data-folder.ts';
import { asksCommit, type Frame, Frames, tellsCommit } from './frames.ts';

/**
 * What befalls the next COMMIT. `before`: the connection is cut and the server never hears of it; `after`: it is durable and
 * the connection is cut in place of the answer; `unanswered`: it is durable, and the answer never comes.
 */
export type CommitFault = 'before' | 'after' | 'unanswered';

/** One connection through the proxy. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Its answers are dropped from here on. */
  isMute: boolean;
}

/** What stands between a vault and its PostgreSQL: a network that fails as told. Without TLS. */
export class Proxy {
  #target: number;
  readonly #pairs = new Set<Pair>();
  /** The same after it has refused connections for a while: nobody else may come upon it meanwhile. */
  readonly port: number;
  #listener: Server | null = null;
  #delay = 0;
  #gate: Promise<void> = Promise.resolve();
  #openGate = (): void => undefined;
  #commit: { readonly fault: CommitFault; readonly struck: () => void } | null = null;
  #answer: (() => void) | null = null;

  constructor(target: number, port: number) {
    this.#target = target;
    this.port = port;
  }

  /** Where new connections go from now on, as after a failover. */
  aim(target: number): void {
    this.#target = target;
  }

  /** Connections open now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Nothing goes wrong any more; what was held up goes on its way. */
  async pass(): Promise<void> {
    this.#delay = 0;
    this.#openGate();
    if (this.#listener === null) await this.#listen();
  }

  /** Every connection is cut, and new ones are refused. */
  async refuse(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    const closed = new Promise<void>((resolve) =>
      listener === null ? resolve() : void listener.close(() => resolve()),
    );
    this.cut();
    await closed;
  }

  /** Every connection is cut; new ones are taken. */
  cut(): void {
    for (const pair of this.#pairs) this.#end(pair);
  }

  /** Nothing arrives anywhere and nobody is told, as when packets are lost on the way. */
  swallow(): void {
    this.#openGate();
    this.#gate = new Promise((resolve) => (this.#openGate = resolve));
  }

  /** Whatever is open stays so, and is answered no more, as where a firewall forgot it; new connections are passed. */
  mute(): void {
    for (const pair of this.#pairs) pair.isMute = true;
  }

  /** Each piece takes so many milliseconds longer, either way. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  /** Answers when it has befallen one. */
  atCommit(fault: CommitFault): Promise<void> {
    return new Promise((struck) => (this.#commit = { fault, struck }));
  }

  /** Cuts the next answer in the middle of a message; answers when that is done. */
  midAnswer(): Promise<void> {
    return new Promise((struck) => (this.#answer = struck));
  }

  async close(): Promise<void> {
    this.#openGate();
    await this.refuse();
  }

  #listen(): Promise<void> {
    const listener = createServer((client) => this.#join(client));
    this.#listener = listener;
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.port, LOOPBACK, resolve);
    });
  }

  #join(client: Socket): void {
    const server = connect(this.#target, LOOPBACK);
    const pair: Pair = { client, server, isMute: false };
    this.#pairs.add(pair);
    this.#carry(pair, 'client', (frame) => this.#toServer(pair, frame));
    this.#carry(pair, 'server', (frame) => this.#toClient(pair, frame));
  }

  /** Hands on what one side sends, message by message, when its time has come. */
  #carry(pair: Pair, side: 'client' | 'server', hand: (frame: Frame) => void): void {
    const frames = new Frames(side);
    let last: Promise<void> = Promise.resolve();
    const due = async (before: Promise<void>, work: () => void): Promise<void> => {
      await before;
      if (this.#delay > 0) await pause(this.#delay);
      await this.#gate;
      work();
    };
    const inTurn = (work: () => void): void => {
      last = due(last, work);
    };
    const source = pair[side];
    source.on('error', () => undefined);
    source.on('data', (piece: Buffer) => inTurn(() => frames.take(piece).forEach(hand)));
    source.on('close', () => inTurn(() => this.#end(pair)));
  }

  #toServer(pair: Pair, frame: Frame): void {
    if (this.#commit?.fault === 'before' && asksCommit(frame)) {
      this.#strikeCommit();
      this.#end(pair);
    } else if (!pair.server.destroyed) pair.server.write(frame.bytes);
  }

  #toClient(pair: Pair, frame: Frame): void {
    if (this.#commit !== null && this.#commit.fault !== 'before' && tellsCommit(frame)) {
      if (this.#commit.fault === 'after') this.#end(pair);
      else pair.isMute = true;
      this.#strikeCommit();
    } else if (this.#answer !== null) {
      const struck = this.#answer;
      this.#answer = null;
      this.#pairs.delete(pair);
      pair.client.end(frame.bytes.subarray(0, Math.ceil(frame.bytes.length / 2)));
      pair.server.destroy();
      struck();
    } else if (!pair.isMute && !pair.client.destroyed) pair.client.write(frame.bytes);
  }

  #strikeCommit(): void {
    const struck = this.#commit?.struck;
    this.#commit = null;
    struck?.();
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }
}

/** A way to a port of this machine, on a port of its own. */
export async function proxyTo(target: number): Promise<Proxy> {
  const proxy = new Proxy(target, await ownPort());
  await proxy.pass();
  return proxy;
}
