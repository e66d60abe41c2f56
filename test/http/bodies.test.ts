import { expect, it } from 'vitest';
import { itemsOf, listening, tokenOf } from './listening.ts';

/** Bodies as bytes: what is too large, not JSON by its type, not Unicode, or Unicode of the unusual kind. */

const MOST = 8 * 1024 * 1024;
const PAN = '4111111111111111';
const one = { items: [{ collection: 'cards', value: PAN }] };

const asking = async () => {
  const served = await listening();
  const grants = [
    'tokenise:cards',
    'detokenise:cards@settlement',
    'tokenise:notes',
    'detokenise:notes@support',
  ];
  return { served, ...(await served.asking(grants)) };
};

it('a body of 8 MiB is read, and one byte more is refused, told beforehand or not', async () => {
  const { ask } = await asking();
  const text = JSON.stringify(one);
  const fits = text + ' '.repeat(MOST - text.length);
  expect(await ask('/v1/tokenise', { body: fits })).toMatchObject({ status: 200 });
  expect(await ask('/v1/tokenise', { chunks: [fits] })).toMatchObject({ status: 200 });
  const refused = { status: 413, json: { code: 'payload_too_large' } };
  expect(await ask('/v1/tokenise', { body: `${fits} ` })).toMatchObject(refused);
  expect(await ask('/v1/tokenise', { chunks: [fits, ' '] })).toMatchObject(refused);
});

it('reads pieces that cut a character in two', async () => {
  const { ask } = await asking();
  const bytes = Buffer.from(JSON.stringify({ items: [{ collection: 'notes', value: 'ü€😀' }] }));
  const chunks = [...bytes].map((byte) => Uint8Array.of(byte));
  const token = tokenOf(await ask('/v1/tokenise', { chunks }));
  const back = { purpose: 'support', items: [{ collection: 'notes', token }] };
  expect(itemsOf(await ask('/v1/detokenise', { body: back }))).toEqual([{ value: 'ü€😀' }]);
});

it('takes JSON alone', async () => {
  const { ask } = await asking();
  for (const type of [
    'application/json',
    'Application/JSON; charset=UTF-8',
    'application/json;charset=utf-8',
  ]) {
    const answer = await ask('/v1/tokenise', { body: one, headers: { 'content-type': type } });
    expect(answer.status, type).toBe(200);
  }
  const refused = [
    '',
    'text/plain',
    'application/json; charset=latin1',
    'application/jsonp',
    'application/json, a/b',
  ];
  for (const type of refused) {
    const answer = await ask('/v1/tokenise', { body: one, headers: { 'content-type': type } });
    expect(answer, type).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
  }
});

it('gives any text back byte for byte, NUL and unassigned characters included', async () => {
  const { ask } = await asking();
  const values = ['\0', 'a\0b', '\uFEFF', 'e\u0301 é', '\uFFFF\u{10FFFF}', ' \r\n\t ', '"\\', '__proto__'];
  const items = values.map((value) => ({ collection: 'notes', value }));
  const answer = await ask('/v1/tokenise', { body: { items } });
  const asked = itemsOf(answer).map(({ token }) => ({ collection: 'notes', token }));
  const back = await ask('/v1/detokenise', { body: { purpose: 'support', items: asked } });
  expect(itemsOf(back).map(({ value }) => value)).toEqual(values);
});

it('half of a surrogate pair is no value, and nowhere a failure of the service', async () => {
  const { served, ask } = await asking();
  const custodian = await served.asking(['clients:*'], { kind: 'custodian' });
  const half = '\\ud83d';
  const item = '"collection":"notes","value":"x"';
  const cases: [string, string, number, string][] = [
    ['/v1/tokenise', `{"items":[{"collection":"notes","value":"${half}"}]}`, 422, 'invalid_value'],
    ['/v1/tokenise', `{"items":[{"collection":"cards","value":"${half}"}]}`, 422, 'invalid_value'],
    ['/v1/tokenise', `{"items":[{"collection":"${half}","value":"x"}]}`, 404, 'collection_not_found'],
    ['/v1/tokenise', `{"items":[{${item},"subject":"${half}"}]}`, 400, 'invalid_request'],
    ['/v1/tokenise', `{"items":[{${item},"ref":"${half}"}]}`, 400, 'invalid_request'],
    [
      '/v1/detokenise',
      `{"purpose":"${half}","items":[{"collection":"notes","token":"x"}]}`,
      403,
      'purpose_not_allowed',
    ],
    [
      '/v1/detokenise',
      `{"purpose":"support","items":[{"collection":"notes","token":"${half}"}]}`,
      404,
      'token_not_found',
    ],
  ];
  for (const [path, body, status, code] of cases) {
    expect(await ask(path, { body }), body).toMatchObject({ status, json: { code } });
  }
  expect(await custodian.ask('/v1/clients/revoke', { body: `{"client":"${half}"}` })).toMatchObject({
    status: 404,
    json: { code: 'not_found' },
  });
});

it('numbers, depth and repeated keys are no way around the shape', async () => {
  const { ask } = await asking();
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  for (const body of [deep, `{"items":${deep}}`, `{"items":[{"collection":"cards","value":1e999}]}`]) {
    expect(await ask('/v1/tokenise', { body })).toMatchObject({ status: 400 });
  }
  // JSON's last key wins: one reading is decided on, and it is the one that is tokenised.
  const twice = `{"items":[{"collection":"acme/cards","collection":"cards","value":"1","value":"${PAN}"}]}`;
  const token = tokenOf(await ask('/v1/tokenise', { body: twice }));
  const back = { purpose: 'settlement', items: [{ collection: 'cards', token }] };
  expect(itemsOf(await ask('/v1/detokenise', { body: back }))).toEqual([{ value: PAN }]);
});
