import { randomBytes } from 'node:crypto';

/** Two random letters for each byte. Digits among them could be an account number, which no clear field may hold. */
export const letters = (bytes: number): string =>
  randomBytes(bytes)
    .toString('hex')
    .replaceAll(/\d/g, (digit) => 'ghijklmnop'.charAt(Number(digit)));
