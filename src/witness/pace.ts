/** How often one caller may ask: a witness knows nobody before it has read what was sent. */
export interface Pace {
  /** Whether this request is within it. @param caller an address; null where none is told: these share one. */
  readonly allows: (caller: string | null) => boolean;
}

/** Requests that a caller may make at once, and from then on in a second. */
const AT_ONCE = 100;
const A_SECOND = 50;
/** Callers that are remembered; the one that was silent longest is forgotten first. */
const MOST_CALLERS = 4096;

/** @param now milliseconds, by a clock that nobody sets */
export function createPace(now: () => number): Pace {
  const callers = new Map<string, { left: number; at: number }>();
  return {
    allows: (caller) => {
      const name = groupOf(caller);
      const at = now();
      const last = callers.get(name) ?? { left: AT_ONCE, at };
      const left = Math.min(AT_ONCE, last.left + ((at - last.at) / 1000) * A_SECOND);
      callers.delete(name);
      if (callers.size >= MOST_CALLERS) callers.delete(callers.keys().next().value ?? '');
      callers.set(name, { left: left >= 1 ? left - 1 : left, at });
      return left >= 1;
    },
  };
}

/** Of IPv6 whoever has one address has as many as he likes: the first 64 bits are taken for him. */
function groupOf(caller: string | null): string {
  if (caller === null || !caller.includes(':')) return caller ?? '';
  const [head = '', tail] = caller.split('::');
  const parts = head === '' ? [] : head.split(':');
  // `::` stands for as many zeros as are missing.
  const missing = tail === undefined ? 0 : 8 - parts.length - (tail === '' ? 0 : tail.split(':').length);
  return [...parts, ...Array.from({ length: missing }, () => '0'), ...(tail ?? '').split(':')]
    .slice(0, 4)
    .join(':');
}
