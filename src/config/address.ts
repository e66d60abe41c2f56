import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether a listener on this host can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, version === 6 ? 'ipv6' : 'ipv4');
}

/** What is wrong with a subnet written as `10.0.0.7/32`; null when nothing is. */
export function subnetFault(text: string): string | null {
  const [address = '', bits = '', ...rest] = text.split('/');
  const version = isIP(address);
  const widest = version === 6 ? 128 : 32;
  if (version === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > widest) {
    return 'must be an address and a prefix length, as 10.0.0.7/32';
  }
  return Number(bits) === 0 ? 'this is everybody: name the addresses of the proxy itself' : null;
}
