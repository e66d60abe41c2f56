import { statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { isLoopback } from './config/address.ts';
import { drainable } from './http/drain.ts';
import { createListener } from './http/listener.ts';
import { proxiesOf } from './http/proxies.ts';
import { listen } from './listen.ts';
import type { Verifier } from './log/verifier.ts';
import { readTls } from './tls-files.ts';
import { createWitnessApp, type WitnessLine } from './witness/app.ts';
import { readKey } from './witness/key.ts';
import { createPace } from './witness/pace.ts';
import { isDiskFault, openState } from './witness/state.ts';
import { createWitness, type Witness } from './witness/witness.ts';
import { readWitness } from './witness-files.ts';

/** What serving a witness needs of the host. */
export interface ServingWitness {
  readonly dir: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds by a clock that nobody sets. */
  readonly tick: () => number;
  readonly log: (line: WitnessLine) => void;
  /** The process must end: nothing more can be signed. */
  readonly onFatal: (reason: string) => void;
}

export interface ListeningWitness {
  readonly url: string;
  /** The name it signs with. */
  readonly name: string;
  readonly logs: number;
  stop(): Promise<void>;
}

/** Connections at once, each with a body of 64 KiB at the most. */
const MOST_CONNECTIONS = 256;

/**
 * Serves a witness over HTTP.
 * @throws CommandRefused, WitnessRefused
 */
export async function serveWitness(serving: ServingWitness): Promise<ListeningWitness> {
  const { dir, now, tick, log, onFatal } = serving;
  const { settings, logs } = readWitness(dir);
  const { host, port, tls } = settings.server;
  const signer = readKey(settings.key);
  const checked = tls === null ? null : readTls(tls);
  const state = openState(settings.state, signer.verifier.text);
  const proxies = proxiesOf(settings.server.proxy?.addresses ?? []);
  const app = createWitnessApp({
    witness: ending(createWitness({ signer, state, verifiersOf: trusted(dir), now }), onFatal),
    pace: createPace(tick),
    addressOf: (incoming) => proxies.addressOf(incoming),
    log,
  });
  const server = createListener(app, checked);
  server.maxConnections = MOST_CONNECTIONS;
  // As for a vault: off loopback without TLS, only the named proxies may speak to us.
  if (tls === null && !isLoopback(host)) {
    server.on('connection', (socket: Socket) => {
      if (!proxies.trusts(socket)) socket.destroy();
    });
  }
  const drain = drainable(server, tls !== null);
  const close = async (): Promise<void> => {
    await drain();
    state.close();
  };
  try {
    const url = await listen(server, host, port, tls === null ? 'http' : 'https');
    const origins = new Set(logs.map(({ name }) => name));
    return { url, name: signer.verifier.name, logs: origins.size, stop: close };
  } catch (error) {
    state.close();
    throw error;
  }
}

/** A witness that ends with its disk: it signs nothing that it may not have kept. */
const ending = ({ add }: Witness, onFatal: ServingWitness['onFatal']): Witness => ({
  add: (body) => {
    try {
      return add(body);
    } catch (error) {
      if (isDiskFault(error))
        onFatal('the state of this witness does not read or write: its disk failed, or the file was changed');
      throw error;
    }
  },
});

/** The keys of each origin, as witness.yaml has them now: a log that is added is known from its first request on. */
function trusted(dir: string): (origin: string) => readonly Verifier[] {
  const path = join(dir, 'witness.yaml');
  let read = '';
  let logs: readonly Verifier[] = [];
  return (origin) => {
    const { ino, size, mtimeMs } = statSync(path);
    const stamp = `${ino} ${size} ${mtimeMs}`;
    if (stamp !== read) {
      // What does not read ends nothing: requests fail until it does.
      ({ logs } = readWitness(dir));
      read = stamp;
    }
    return logs.filter(({ name }) => name === origin);
  };
}
