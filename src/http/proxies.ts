import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6, type Socket } from 'node:net';

/** Which addresses are proxies of ours, and whom a request comes from. */
export interface Proxies {
  /** Whether a connection is one of theirs. */
  trusts(socket: Socket): boolean;
  /**
   * The caller's address: the last hop that a trusted proxy saw, or the connection's own where none is told. Null where
   * a proxy tells of a caller, and not its address: that is somewhere else than the proxy is.
   */
  addressOf(incoming: IncomingMessage): string | null;
}

/** @param subnets as `10.0.0.7/32`, already checked */
export function proxiesOf(subnets: readonly string[]): Proxies {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix] = subnet.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    list.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  const isOurs = (address: string): boolean =>
    isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  return {
    trusts: (socket) => isOurs(addressOf(socket)),
    addressOf: ({ socket, headers }) => {
      const direct = addressOf(socket);
      const forwarded = headers['x-forwarded-for'];
      if (typeof forwarded !== 'string' || !isOurs(direct)) return isIP(direct) === 0 ? null : direct;
      const last = plain(forwarded.split(',').at(-1)?.trim() ?? '');
      // A zone (RFC 4007) is the proxy's own word for a link of its own, and of any length.
      return isIP(last) === 0 || last.includes('%') ? null : last;
    },
  };
}

/** An IPv4 address as itself, where the system gives it mapped into IPv6. */
const plain = (address: string): string =>
  address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;

const addressOf = (socket: Socket): string => plain(socket.remoteAddress ?? '');
