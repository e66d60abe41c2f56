import { describe, expect, it } from 'vitest';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { cosign, openCosignature } from '../../src/log/cosignature.ts';
import { parseNote, type Signer } from '../../src/log/note.ts';
import { cosignedMessage, cosignerOf, NoteRefused, timeOf } from '../../src/log/verifier.ts';
import { decideCheckpoint, encodeAddCheckpoint } from '../../src/log/witness.ts';

// The examples of c2sp.org/tlog-witness and c2sp.org/tlog-cosignature, byte for byte. Their keys are not published.

const TEXT = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
`;
const LOG_LINE =
  '— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n';
const OTHER_LINE =
  '— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n';
const WITNESS_LINE =
  '— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n';
const HASHES = [
  'PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=',
  'jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=',
  '5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=',
  '/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=',
];
const REQUEST = `old 20852014\n${HASHES.join('\n')}\n\n${TEXT}\n${LOG_LINE}${OTHER_LINE}`;

describe('the examples of the specifications', () => {
  it('a request is written and read as it stands there', () => {
    const proof = HASHES.map((hash) => Buffer.from(hash, 'base64'));
    expect(encodeAddCheckpoint(20_852_014, proof, `${TEXT}\n${LOG_LINE}${OTHER_LINE}`)).toBe(REQUEST);
    let asked = '';
    const decision = decideCheckpoint(Buffer.from(REQUEST), (origin) => {
      asked = origin;
      return null;
    });
    expect([decision.status, asked]).toEqual([404, 'example.com/behind-the-sofa']);
  });

  it('a cosignature is of the time that stands beside it, and signs those lines', () => {
    const { text, signatures } = parseNote(Buffer.from(`${TEXT}\n${LOG_LINE}${WITNESS_LINE}`));
    const [, cosignature] = signatures;
    expect(text).toBe(TEXT);
    expect(cosignature).toMatchObject({ name: 'witness.example.com/w1' });
    expect(timeOf(cosignature?.signature ?? Buffer.alloc(8))).toBe(1_679_315_147n);
    expect(cosignedMessage(1_679_315_147n, TEXT).toString()).toBe(`cosignature/v1
time 1679315147
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
`);
  });
});

const key = ed25519(new Secret(new Uint8Array(32).fill(5)));
const witness: Signer = { verifier: cosignerOf('witness.example/w1', key.publicKey), sign: key.sign };
const note = `${TEXT}\n${LOG_LINE}`;

describe('a cosignature', () => {
  it('is found among the lines of others, and is of its checkpoint alone', () => {
    const { line } = cosign(witness, TEXT, 1_679_315_147);
    expect(openCosignature(note, WITNESS_LINE + line + OTHER_LINE, witness.verifier)).toEqual({
      line,
      time: 1_679_315_147,
    });
    for (const [of, lines] of [
      [note.replace('20852163', '20852164'), line],
      [note, WITNESS_LINE],
      [note, ''],
      [note, line.slice(0, -1)],
      [note, `\n${line}`],
      [note, `more\n\n${line}`],
    ] as const)
      expect(() => openCosignature(of, lines, witness.verifier)).toThrow(NoteRefused);
  });

  it('says its time in eight bytes, and holds for no other', () => {
    const { line } = cosign(witness, TEXT, 1);
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64');
    expect(bytes.subarray(4, 12).toString('hex')).toBe('0000000000000001');
    bytes[11] = 2;
    const later = `— witness.example/w1 ${bytes.toString('base64')}\n`;
    expect(() => openCosignature(note, later, witness.verifier)).toThrow(NoteRefused);
  });
});
