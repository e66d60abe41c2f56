export type Verb = 'echo' | 'tokenise' | 'detokenise';

export const collection = 'bench-pan';
export const purpose = 'settlement';

const paths = { echo: '/echo', tokenise: '/v1/tokenise', detokenise: '/v1/detokenise' } satisfies Record<
  Verb,
  string
>;

const half = 10_000_000;

/** ISO/IEC 7812-1 annex B: the digit that makes payload and digit pass. */
function luhnDigit(payload: string): number {
  let sum = 0;
  for (let i = 0; i < payload.length; i++) {
    const digit = payload.charCodeAt(i) - 48;
    // The payload's last digit stands beside the check digit, so it is doubled, and every second one before it.
    const doubled = (payload.length - i) % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return (10 - (sum % 10)) % 10;
}

/**
 * The `index`-th of a fixed row of distinct, Luhn-valid 16-digit card numbers (index below 9 x 10^8).
 * Both multipliers are odd and not divisible by 5, so each half is a permutation of its seven digits: the first
 * six digits run over 10^5 issuers, and no bucket of kept digits fills.
 */
export function cardNumber(index: number): string {
  const high = ((index * 7_368_787 + Math.floor(index / half)) % half).toString().padStart(7, '0');
  const low = ((index * 3_141_593) % half).toString().padStart(7, '0');
  const payload = `4${high}${low}`;
  return payload + luhnDigit(payload);
}

/** One HTTP/1.1 request as bytes; `texts` are values, or tokens when the verb is detokenise. */
export function requestBytes(verb: Verb, port: number, key: string, texts: readonly string[]): Buffer {
  const field = verb === 'detokenise' ? 'token' : 'value';
  const items = texts.map((text) => `{"collection":"${collection}","${field}":"${text}"}`).join(',');
  const body = verb === 'detokenise' ? `{"purpose":"${purpose}","items":[${items}]}` : `{"items":[${items}]}`;
  return Buffer.from(
    `POST ${paths[verb]} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${key}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
}

/** `count` requests of `items` texts each, where `textAt` names the texts from 0 on. */
export function requests(
  verb: Verb,
  port: number,
  key: string,
  shape: { count: number; items: number },
  textAt: (index: number) => string,
): Buffer[] {
  const { count, items } = shape;
  const texts = (n: number) => Array.from({ length: items }, (_, i) => textAt(n * items + i));
  return Array.from({ length: count }, (_, n) => requestBytes(verb, port, key, texts(n)));
}
