import { readFileSync, writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { made, type Made } from '../cli/made.ts';
import { eventsOf } from '../attack/tamper.ts';
import { type Answer, itemsOf, send, type Sending, tokenOf } from '../http/listening.ts';
import { type Finished, type Served, startServe } from '../served.ts';

/** A vault as `strongroom init` makes it, served by a process of its own, and what its log says of what is done to it. */

export interface Event {
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor: { readonly id: string; readonly kind: string };
  readonly via: string;
  readonly from?: string;
  readonly request: string;
  readonly [fact: string]: unknown;
}

/** Whoever has an API key. */
export interface Person {
  readonly id: string;
  readonly key: string;
  readonly post: (path: string, body: object, sending?: Sending) => Promise<Answer>;
  readonly get: (path: string) => Promise<Answer>;
}

export interface Recorded {
  readonly made: Made;
  readonly run: Made['run'];
  readonly add: (name: string, ...options: readonly string[]) => Promise<Person>;
  /** Starts a process that serves, or gives the one that does. */
  readonly served: () => Promise<Served>;
  /** Ends that process, so that all that it counted is in the log. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<Finished>;
  readonly log: () => readonly Event[];
  /** The events of what is done meanwhile. */
  readonly during: (work: () => Promise<unknown>) => Promise<readonly Event[]>;
}

const MORE = `
  looked-up: { format: pan, lengths: { min: 15, max: 19 }, tokens: deterministic, guessable: accepted, lookup: true, purposes: [settlement] }
roles:`;

export async function recorded(): Promise<Recorded> {
  const vault = await made();
  const text = readFileSync(vault.config, 'utf8');
  writeFileSync(vault.config, text.replace('\nroles:', MORE));
  let serving: Promise<Served> | null = null;
  const served = (): Promise<Served> => (serving ??= startServe(vault.config));
  const stop: Recorded['stop'] = async (signal) => {
    const ending = await served();
    serving = null;
    return ending.stop(signal);
  };
  onTestFinished(async () => {
    if (serving !== null) await stop('SIGKILL');
  });
  const log = (): readonly Event[] => eventsOf(vault.at('data/strongroom.db')) as unknown as readonly Event[];
  const person = (id: string, key: string): Person => {
    const headers = { authorization: `Bearer ${key}` };
    return {
      id,
      key,
      post: async (path, body, sending = {}) =>
        send((await served()).url + path, {
          ...sending,
          body,
          headers: { ...headers, ...sending.headers },
        }),
      get: async (path) => send((await served()).url + path, { headers }),
    };
  };
  return {
    made: vault,
    run: vault.run,
    served,
    stop,
    log,
    add: async (name, ...options) => {
      const { key } = await vault.add(name, ...options);
      const detail = log().at(-1)?.['detail'] as { readonly client?: unknown } | undefined;
      return person(String(detail?.client), key);
    },
    during: async (work) => {
      await served();
      const before = log().length;
      await work();
      return log().slice(before);
    },
  };
}

export const CARD = '4012888888881881';
const NEXT_CARD = '5105105105105100';

/** Grants for every verb on values, as one service may hold them. */
export const EVERY_VERB = [
  ...['tokenise', 'replace', 'lookup', 'describe', 'erase'].map((action) => `${action}:*`),
  ...['detokenise', 'mask', 'verify'].map((action) => `${action}:*@settlement`),
].flatMap((grant) => ['--grant', grant]);

/** Does everything with one card that can be done with one, and gives back its token and each answer's request id. */
export async function workWith(person: Person, headers: Sending['headers'] = {}) {
  const collection = 'looked-up';
  const requests: string[] = [];
  const post = async (verb: string, body: object): Promise<Answer> => {
    const answer = await person.post(`/v1/${verb}`, body, { headers });
    if (answer.status !== 200) throw new Error(`${verb}: ${answer.text}`);
    requests.push(String(answer.headers['x-request-id']));
    return answer;
  };
  const first = await post('tokenise', { items: [{ collection, value: CARD, subject: 'cus_42' }] });
  const token = tokenOf(first);
  const items = [{ collection, token }];
  const why = { purpose: 'settlement', ticket: 'CASE-7' };
  const shown = await post('detokenise', { ...why, items });
  if (itemsOf(shown)[0]?.['value'] !== CARD) throw new Error('the card did not come back');
  await post('mask', { ...why, items });
  await post('verify', { ...why, items: [{ collection, token, value: CARD }] });
  await post('describe', { items });
  await post('lookup', { items: [{ collection, value: CARD, subject: 'cus_42' }] });
  await post('replace', { items: [{ collection, token, value: NEXT_CARD }] });
  await post('erase', { reason: 'asked for', items });
  return { token, requests };
}
