import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { signCheckpoint } from '../../src/log/checkpoint.ts';
import { openCosignature } from '../../src/log/cosignature.ts';
import { parseVerifier } from '../../src/log/verifier.ts';
import { encodeAddCheckpoint } from '../../src/log/witness.ts';
import { madeWitness, servedWitness, signerOf, submit, testLog } from './witnessed.ts';

/** What C2SP tlog-witness asks of a witness, of a real process over HTTP. */

const SIZE = 'text/x.tlog.size';
const log = testLog('strongroom/vault_1');

describe('a witness', () => {
  it('answers each request with the status that tlog-witness has for it', async () => {
    const witness = await madeWitness(log.key);
    const { url } = await servedWitness(witness);
    const status = async (body: string): Promise<number> => (await submit(url, body)).status;

    expect(await status('')).toBe(400);
    expect(await status('old 0\n\nhello\n')).toBe(400);
    expect(await status(testLog('strongroom/vault_2').request(0, 5))).toBe(404);
    expect(await status(testLog(log.origin, 2).request(0, 5))).toBe(403);
    expect(await status(log.request(0, 5).replace('old 0', 'old 6'))).toBe(400);
    // A first one that claims to continue something.
    expect(await submit(url, log.request(3, 5))).toEqual({ status: 409, type: SIZE, body: '0\n' });

    const first = await submit(url, log.request(0, 5));
    expect(first.status).toBe(200);
    expect(openCosignature(log.checkpoint(5), first.body, parseVerifier(witness.key)).line).toBe(first.body);

    expect(await status(log.request(5, 20))).toBe(200);
    expect(await status(log.request(20, 20))).toBe(200);
    expect(await submit(url, log.request(5, 30))).toEqual({ status: 409, type: SIZE, body: '20\n' });
    expect(await submit(url, log.request(0, 5))).toEqual({ status: 409, type: SIZE, body: '20\n' });
    expect(await status(log.request(20, 30).replace(/\n[^\n]+\n/, '\n'))).toBe(422);
    expect(await status(log.request(20, 30))).toBe(200);
  });

  it('refuses a log that shows another history than before, and keeps what it signed', async () => {
    const witness = await madeWitness(log.key);
    const { url, output } = await servedWitness(witness);
    expect((await submit(url, log.request(0, 20))).status).toBe(200);
    expect(await submit(url, log.request(20, 20, 'forked'))).toEqual({
      status: 409,
      type: SIZE,
      body: '20\n',
    });
    expect((await submit(url, log.request(20, 40, 'forked'))).status).toBe(422);
    // What the honest log goes on to sign is cosigned all the same.
    expect((await submit(url, log.request(20, 40))).status).toBe(200);
    expect(output().stdout).toContain('a log contradicts what was seen');
  });

  it('cosigns an empty log, but not one that is called empty and is not', async () => {
    const witness = await madeWitness(log.key);
    const { url } = await servedWitness(witness);
    expect((await submit(url, log.request(0, 0))).status).toBe(200);
    const falselyEmpty = signCheckpoint(
      { origin: log.origin, size: 0, root: log.rootOf(5) },
      signerOf(log.origin, 1),
    );
    expect((await submit(url, encodeAddCheckpoint(0, [], falselyEmpty))).status).toBe(422);
    expect((await submit(url, log.request(0, 7))).status).toBe(200);
  });

  it('takes nothing but its two paths, and no body without an end', async () => {
    const { url } = await servedWitness(await madeWitness(log.key));
    expect((await submit(url, '', 'GET')).status).toBe(405);
    expect((await submit(url, '', 'GET', '/livez')).body).toBe('{"status":"live"}');
    expect((await submit(url, '', 'POST', '/elsewhere')).status).toBe(404);
    expect((await submit(url, `old 0\n${'A'.repeat(70_000)}`)).status).toBe(413);
    const hash = `${Buffer.alloc(32).toString('base64')}\n`;
    expect(
      (await submit(url, log.request(0, 5).replace('old 0\n', `old 0\n${hash.repeat(64)}`))).status,
    ).toBe(400);
    expect(await raw(url, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect((await submit(url, log.request(0, 5))).status).toBe(200);
  });
});

const raw = (url: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    socket.once('error', reject);
    socket.once('close', () => resolve(said));
  });
