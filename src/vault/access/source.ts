/** An IP address as a number, and how many bits its family has. */
interface Address {
  readonly bits: 32 | 128;
  readonly number: bigint;
}

/** A subnet that a client may call from. */
export interface Source extends Address {
  readonly prefix: number;
  /** Canonical: `10.0.0.0/8`, or `2001:db8::/32` as RFC 5952 writes it. */
  readonly text: string;
}

/** Subnets that one client may have. */
const MOST_SOURCES = 16;

/** IPv4 addresses as IPv6 writes them (RFC 4291 2.5.5.2): `::ffff:0:0/96`. */
const MAPPED = 0xffffn;

/**
 * Reads a subnet, or one address.
 * @returns the subnet, or a sentence that says what is wrong with it
 */
export function parseSource(text: string): Source | string {
  const [written = '', length = null, ...rest] = text.split('/');
  const address = parseIpv4(written) ?? parseIpv6(written);
  if (address === null || rest.length > 0) return 'a subnet is an address and a prefix length, as 10.0.0.0/8';
  const { bits, number } = address;
  if (bits === 128 && number >> 32n === MAPPED) return 'an IPv4 address is written as one, as 10.0.0.0/8';
  const prefix = length === null ? bits : Number(length);
  if (length !== null && (!/^(?:0|[1-9]\d{0,2})$/.test(length) || prefix > bits))
    return `the prefix length of this address is 1 to ${bits}`;
  if (prefix === 0) return 'this is everybody: without a subnet a client may call from anywhere';
  const network = (number >> BigInt(bits - prefix)) << BigInt(bits - prefix);
  const canonical = `${bits === 32 ? ipv4Text(network) : ipv6Text(network)}/${prefix}`;
  if (network !== number) return `the address has bits beyond its prefix length: ${canonical} is the subnet`;
  return { bits, number, prefix, text: canonical };
}

/**
 * Reads a client's subnets.
 * @returns each once, in order; or null if one cannot be read or there are too many
 */
export function parseSources(texts: readonly string[]): readonly Source[] | null {
  const sources = new Map<string, Source>();
  for (const text of texts) {
    const source = parseSource(text);
    if (typeof source === 'string') return null;
    sources.set(source.text, source);
  }
  const sorted = [...sources.values()].toSorted((a, b) => (a.text < b.text ? -1 : 1));
  return sorted.length > MOST_SOURCES ? null : sorted;
}

/** Whether a caller's address is in one of the subnets; an address that is not known is in none. */
export function admits(sources: readonly Source[], from: string | null): boolean {
  if (sources.length === 0) return true;
  const address = from === null ? null : parseAddress(from);
  return address !== null && sources.some((source) => contains(source, address));
}

function contains({ bits, prefix, number }: Source, address: Address): boolean {
  const host = BigInt(bits - prefix);
  return bits === address.bits && address.number >> host === number >> host;
}

/** An address as a system tells it: a zone (RFC 4007) is no part of it, and mapped IPv4 is IPv4. */
function parseAddress(text: string): Address | null {
  const address = parseIpv4(text) ?? parseIpv6(text.replace(/%.*$/, ''));
  if (address?.bits !== 128 || address.number >> 32n !== MAPPED) return address;
  return { bits: 32, number: address.number & 0xffff_ffffn };
}

/** Four decimals without leading zeros, which some take for octal. */
function parseIpv4(text: string): Address | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return null;
  return { bits: 32, number: joined(parts.map(Number), 8n) };
}

/** RFC 4291 2.2: eight groups of hex, `::` once for one or more groups of zeros, the last two perhaps as IPv4. */
function parseIpv6(text: string): Address | null {
  const [left = '', right = null, ...more] = withoutIpv4(text).split('::');
  const [head, tail] = [groupsOf(left), groupsOf(right ?? '')];
  if (more.length > 0 || head === null || tail === null) return null;
  const zeros = 8 - head.length - tail.length;
  if (right === null ? zeros !== 0 : zeros < 1) return null;
  return { bits: 128, number: joined([...head, ...Array<number>(zeros).fill(0), ...tail], 16n) };
}

function withoutIpv4(text: string): string {
  const at = text.lastIndexOf(':') + 1;
  const address = at === 0 ? null : parseIpv4(text.slice(at));
  if (address === null) return text;
  const [high, low] = [address.number >> 16n, address.number & 0xffffn];
  return `${text.slice(0, at)}${high.toString(16)}:${low.toString(16)}`;
}

function groupsOf(text: string): number[] | null {
  if (text === '') return [];
  const groups = text.split(':');
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : null;
}

const joined = (parts: readonly number[], width: bigint): bigint =>
  parts.reduce((number, part) => (number << width) | BigInt(part), 0n);

const ipv4Text = (number: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 0xffn).join('.');

/** RFC 5952 4: lower case, no leading zeros, `::` for the longest run of at least two zeros, the first of equals. */
function ipv6Text(number: bigint): string {
  const hex = number.toString(16).padStart(32, '0');
  const groups = (hex.match(/.{4}/g) ?? []).map((group) => group.replace(/^0{1,3}/, '')).join(':');
  const runs = [...groups.matchAll(/(?<![^:])0(?::0)+(?![^:])/g)];
  const longest = runs.reduce((best, [run]) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups;
  const at = runs.find(([run]) => run === longest)?.index ?? 0;
  const [before, after] = [groups.slice(0, at), groups.slice(at + longest.length)];
  return `${before.replace(/:$/, '')}::${after.replace(/^:/, '')}`;
}
