import { expect, it } from 'vitest';
import { createPace } from '../../src/witness/pace.ts';

it('bounds how often one caller may ask, and nobody else for it', () => {
  let now = 0;
  const { allows } = createPace(() => now);
  const taken = (caller: string | null, tries = 1000): number =>
    Array.from({ length: tries }, () => allows(caller)).filter(Boolean).length;
  expect(taken('192.0.2.1')).toBe(100);
  expect(taken('192.0.2.2')).toBe(100);
  now += 1000;
  expect(taken('192.0.2.1')).toBe(50);
  now += 60_000;
  expect(taken('192.0.2.1')).toBe(100);
  // Whoever has one address of IPv6 has the 64 bits below it.
  expect(taken('2001:db8::1')).toBe(100);
  expect(taken('2001:db8:0:0:7:8:9:a')).toBe(0);
  expect(taken('2001:db8:0:1::1')).toBe(100);
  expect(taken('::1')).toBe(100);
  expect(taken(null)).toBe(100);
});

it('remembers so many callers and no more', () => {
  const { allows } = createPace(() => 0);
  for (let i = 0; i < 101; i++) allows('192.0.2.1');
  expect(allows('192.0.2.1')).toBe(false);
  for (let i = 0; i < 5000; i++) allows(`caller ${i}`);
  expect(allows('192.0.2.1')).toBe(true);
});
