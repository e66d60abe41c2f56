import { BlockList, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { admits, parseSource, parseSources, type Source } from '../../src/vault/access/source.ts';

/** Subnets and addresses, held against those of the system and of the URL standard. */

const ipv4 = fc.ipV4();
/** Groups that are often zero: where `::` stands is what goes wrong. */
const group = fc.oneof(
  fc.constant('0'),
  fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16)),
);
const ipv6 = fc.oneof(
  fc.ipV6(),
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(':')),
);
const isMapped = (address: string): boolean => new URL(`http://[${address}]`).hostname.startsWith('[::ffff:');

function sourceOf(text: string): Source {
  const source = parseSource(text);
  if (typeof source === 'string') return expect.fail(`${text}: ${source}`);
  return source;
}

it('reads each address that there is, and writes it as the URL standard does', () => {
  fc.assert(
    fc.property(ipv6, (address) => {
      fc.pre(!isMapped(address));
      expect(`[${sourceOf(address).text}`).toBe(new URL(`http://[${address}]`).hostname.replace(']', '/128'));
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(ipv4, (address) => {
      expect(sourceOf(address).text).toBe(`${address}/32`);
    }),
  );
});

it('admits exactly the addresses that the system finds in the subnet', () => {
  const near = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));
  fc.assert(
    fc.property(near, fc.nat(128), fc.boolean(), ([network, other], bits, isIn) => {
      const family = isIPv6(network) ? 'ipv6' : 'ipv4';
      fc.pre(family === 'ipv4' || !isMapped(network));
      const prefix = Math.max(1, family === 'ipv6' ? bits : bits % 33);
      const said = parseSource(`${network}/${prefix}`);
      // Of an address with bits beyond its prefix, the sentence names the subnet.
      const text = typeof said === 'string' ? (/: (\S+) is the subnet$/.exec(said)?.[1] ?? '') : said.text;
      const list = new BlockList();
      list.addSubnet(text.split('/')[0] ?? '', prefix, family);
      const address = isIn ? network : other;
      // The system finds mapped IPv4 in a subnet of zeros; to the vault it is IPv4, whoever draws it.
      const isIpv4 = family === 'ipv6' && isMapped(address);
      expect(admits([sourceOf(text)], address)).toBe(!isIpv4 && list.check(address, family));
      if (isIn) expect(list.check(address, family)).toBe(true);
    }),
    { numRuns: 2000, examples: [[['::', '::ffff:1.2.3.4'], 1, false]] },
  );
});

it.each([
  '',
  '/8',
  'localhost',
  '10.0.0.0/33',
  '10.0.0.0/08',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '10.0.0.0/1e1',
  '10.0.0/8',
  '010.0.0.0/8',
  '10.0.0.256',
  '0.0.0.0/0',
  '::/0',
  '10.0.0.1/8',
  '2001:db8::1/32',
  '::ffff:10.0.0.0/104',
  '2001:db8::/129',
  '1::2::3',
  ':::',
  ':1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  '12345::',
  'fe80::1%eth0',
  '1.2.3.4::',
  '::1.2.3.4.5',
])('refuses %s', (text) => {
  expect(parseSource(text)).toEqual(expect.any(String));
  expect(parseSources(['10.0.0.0/8', text])).toBeNull();
});

it('keeps each subnet once, in order, and sixteen at most', () => {
  const all = parseSources(['2001:DB8:0::/32', '10.0.0.0/8', '10.0.0.7', '10.0.0.7/32'])?.map(
    ({ text }) => text,
  );
  expect(all).toEqual(['10.0.0.0/8', '10.0.0.7/32', '2001:db8::/32']);
  const many = Array.from({ length: 17 }, (_, i) => `10.0.${i}.0/24`);
  expect(parseSources(many.slice(1))).toHaveLength(16);
  expect(parseSources(many)).toBeNull();
});

it('admits everybody without a subnet, and nobody whose address is not known with one', () => {
  const sources = [sourceOf('10.0.0.0/8'), sourceOf('fe80::/64')];
  expect(admits([], null)).toBe(true);
  expect(admits(sources, null)).toBe(false);
  expect(admits(sources, 'unknown')).toBe(false);
  // As the system may tell them.
  expect(admits(sources, '::ffff:10.1.2.3')).toBe(true);
  expect(admits(sources, 'fe80::1%eth0')).toBe(true);
  expect(admits([sourceOf('0::a00:0/104')], '10.0.0.1')).toBe(false);
});
