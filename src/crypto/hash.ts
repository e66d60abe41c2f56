import { createHash } from 'node:crypto';

/** SHA-256 of a text under a domain, for what is already unguessable (an API key); never for a value. */
export const hashText = (domain: string, text: string): Uint8Array =>
  createHash('sha256').update(`${domain}\0${text}`).digest();
