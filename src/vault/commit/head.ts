import type { Secret } from '../../crypto/key.ts';
import { mac, macMatches } from '../../crypto/mac.ts';
import type { HeadRow } from '../rows.ts';

/** Signs and checks the head: whoever writes the database cannot move the log, the epoch or a digest. */
export interface HeadSeal {
  verify(head: HeadRow): boolean;
  sign(head: HeadRow): HeadRow;
}

const DOMAIN = 'strongroom/head/v1';

/** @param key the vault's row MAC key */
export function headSeal(key: Secret): HeadSeal {
  return {
    verify: (head) => macMatches(key, head.mac, DOMAIN, ...fields(head)),
    sign: (head) => ({ ...head, mac: mac(key, DOMAIN, ...fields(head)) }),
  };
}

const fields = (head: HeadRow) => {
  const { vault, environment, standing, size, frontier, epoch, changes, lastAt, digests } = head;
  return [vault, environment, standing, size, frontier, epoch, changes, lastAt, digests] as const;
};
