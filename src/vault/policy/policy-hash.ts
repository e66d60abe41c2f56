import { leafHash } from '../../log/tree.ts';

/** What an event says of a policy's text, so that the log binds it: base64url of SHA-256(0x00 | text), as of a leaf. */
export const policyHash = (text: string): string =>
  Buffer.from(leafHash(Buffer.from(text))).toString('base64url');
