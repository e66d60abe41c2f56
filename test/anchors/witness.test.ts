import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { witnessAnchor } from '../../src/anchors/witness.ts';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { cosign } from '../../src/log/cosignature.ts';
import { openNote, type Signer } from '../../src/log/note.ts';
import { cosignerOf, parseVerifier } from '../../src/log/verifier.ts';
import { AnchorContradicts, AnchorFailed } from '../../src/vault/anchor.ts';
import { type History, madeWitness, servedWitness, testLog } from '../witness/witnessed.ts';

const log = testLog('strongroom/vault_1');
const NONE = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true as const, value: undefined }) }),
};

const asking = (size: number, history: History = 'honest') => ({
  note: log.checkpoint(size, history),
  size,
  consistency: async (from: number) => log.proof(from, size, history),
});
const putting = (size: number, history?: History) => ({ ...asking(size, history), files: NONE });

describe('a witness as an anchor', () => {
  it('says how far it saw the log come, and signs what continues that', async () => {
    const witness = await madeWitness(log.key);
    const { url } = await servedWitness(witness);
    const anchorOf = () => witnessAnchor({ name: 'w', url: `${url}/`, key: witness.key, ca: null });
    const [one, other] = [anchorOf(), anchorOf()];
    expect(await one.newest(asking(0))).toBeNull();
    expect(await one.newest(asking(7))).toEqual({ size: 7, note: null });
    const [line = ''] = await one.put(putting(20));
    const cosigned = openNote(Buffer.from(log.checkpoint(20) + line), [parseVerifier(witness.key)]);
    expect(cosigned.by).toHaveLength(1);
    // A second process knows nothing of the first, and learns where to begin.
    expect(await other.put(putting(33))).toHaveLength(1);
    expect(await one.put(putting(40))).toHaveLength(1);
    expect(await one.put(putting(40))).toHaveLength(1);
    expect(await other.newest(asking(12))).toEqual({ size: 40, note: null });
    // Who only asks brings nothing.
    expect(await other.newest({ ...asking(50), consistency: null })).toEqual({ size: 40, note: null });
    expect(await other.newest(null)).toBeNull();
    await expect(other.put(putting(12))).rejects.toThrow('has seen a newer checkpoint');
    for (const forked of [asking(40, 'forked'), asking(60, 'forked')]) {
      await expect(other.newest(forked)).rejects.toMatchObject({ name: 'AnchorContradicts', size: 40 });
      await expect(one.put({ ...forked, files: NONE })).rejects.toThrow(AnchorContradicts);
    }
  });

  it('is told who must add a key', async () => {
    const witness = await madeWitness(testLog(log.origin, 2).key);
    const { url } = await servedWitness(witness);
    const anchor = witnessAnchor({ name: 'w', url: `${url}/`, key: witness.key, ca: null });
    await expect(anchor.newest(asking(5))).rejects.toThrow('does not trust the key that signs this log');
  });
});

const cosignerWith = (seed: number): Signer => {
  const key = ed25519(new Secret(new Uint8Array(32).fill(seed)));
  return { verifier: cosignerOf('auditor.example/w1', key.publicKey), sign: key.sign };
};
const pinned = cosignerWith(9);
const textOf = (size: number): string => `${log.checkpoint(size).split('\n\n')[0]}\n`;

/** What is no witness of ours, and how it answers. */
type Lie = (answer: ServerResponse, incoming: IncomingMessage) => void;

async function lying(lie: Lie): Promise<string> {
  const server: Server = createServer((incoming, answer) => {
    incoming.resume();
    incoming.once('end', () => lie(answer, incoming));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const ok =
  (body: string): Lie =>
  (answer) =>
    void answer.writeHead(200).end(body);
const saying =
  (body: string) =>
  (answer: ServerResponse): void =>
    void answer.writeHead(409).end(body);

const LIES: Readonly<Record<string, readonly [Lie, string]>> = {
  'the signature of another key': [
    ok(cosign(cosignerWith(8), textOf(20), 1000).line),
    'no signature of its key',
  ],
  'a signature of another checkpoint': [ok(cosign(pinned, textOf(19), 1000).line), 'no signature of its key'],
  'its signature of the text without a time': [
    ok(
      `\u2014 auditor.example/w1 ${Buffer.concat([pinned.verifier.id, pinned.sign(Buffer.from(textOf(20)))]).toString('base64')}\n`,
    ),
    'no signature of its key',
  ],
  'a checkpoint of its own before its signature': [
    ok(`x\n1\n\n${cosign(pinned, textOf(20), 1000).line}`),
    'no signature of its key',
  ],
  nothing: [ok(''), 'no signature of its key'],
  'bytes that are no text': [
    (answer) => void answer.writeHead(200).end(Buffer.alloc(300, 0xff)),
    'no signature of its key',
  ],
  'more than it can have to say': [
    (answer) => {
      answer.writeHead(200);
      const more = (): void => {
        while (!answer.destroyed && answer.write('A'.repeat(16_384)));
        if (!answer.destroyed) answer.once('drain', more);
      };
      more();
    },
    'answers more than a checkpoint can be',
  ],
  'another address': [
    (answer) => void answer.writeHead(307, { location: 'http://127.0.0.1:9/add-checkpoint' }).end(),
    'another address, which is not followed',
  ],
  'no size': [saying('many\n'), 'without the size'],
  'a size past what can be counted': [saying('9999999999999999\n'), 'without the size'],
  'a size without an end': [saying('20'), 'without the size'],
  'an error': [(answer) => void answer.writeHead(500).end('secret'), 'the witness answers 500'],
  'nothing at all, and waits': [() => undefined, 'did not answer in time'],
  'half an answer': [
    (answer) => {
      answer.writeHead(200, { 'content-length': 100 });
      answer.write('half', () => answer.destroy());
    },
    'no answer',
  ],
};

describe('what a witness says', () => {
  it.each(Object.entries(LIES))('counts for nothing where it is %s', async (_, [lie, why]) => {
    const url = await lying(lie);
    const anchor = witnessAnchor({ name: 'w', url, key: pinned.verifier.text, ca: null, limit: 1500 });
    const failure: unknown = await anchor.put(putting(20)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AnchorFailed);
    expect(failure).toMatchObject({ message: expect.stringContaining(why) as string });
    await expect(anchor.newest(asking(20))).rejects.toThrow(AnchorFailed);
  });

  it('does not keep a process busy with sizes that are never the same', async () => {
    let asked = 0;
    const url = await lying((answer) => saying(`${++asked % 19}\n`)(answer));
    const anchor = witnessAnchor({ name: 'w', url, key: pinned.verifier.text, ca: null });
    await expect(anchor.put(putting(20))).rejects.toThrow('faster than this process brings them');
    expect(asked).toBe(4);
  });
});
