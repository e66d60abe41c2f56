import { hash } from 'node:crypto';

/** SHA-256 of a text under a domain, for what is already unguessable (an API key); never for a value. */
export const hashText = (domain: string, text: string): Uint8Array =>
  // 'binary' and a copy: twice as fast as asking for a buffer (node 20 makes those slowly).
  Buffer.from(hash('sha256', `${domain}\0${text}`, 'binary'), 'binary');
