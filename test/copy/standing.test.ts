import { expect, it } from 'vitest';
import { closedBecause, parseStanding, standingText } from '../../src/vault/commit/standing.ts';

const COPY = 'cpy_1Az9fZwHBkzyQ';

it.each([
  'open',
  `open ${COPY}`,
  'leaving postgres',
  'leaving postgres:vault',
  `arriving ${COPY}`,
  `moved sqlite:strongroom.db ${COPY}`,
])('reads a standing and writes it back: %s', (text) => {
  const standing = parseStanding(text);
  expect(standing === null ? null : standingText(standing)).toBe(text);
  expect(closedBecause(text) === null).toBe(text.startsWith('open'));
});

it.each([
  '',
  'Open',
  'open ',
  ' open',
  'open\n',
  'open postgres:vault',
  'open cpy_0',
  'leaving',
  `leaving ${COPY}`,
  `leaving postgres:vault ${COPY}`,
  'leaving mysql:vault',
  'leaving postgres:a b',
  'arriving',
  `arriving postgres ${COPY}`,
  'moved postgres:vault',
  `moved ${COPY}`,
  'retired',
])('a store that stands otherwise is closed: %j', (text) => {
  expect(parseStanding(text)).toBeNull();
  expect(closedBecause(text)).toMatch(/closed by another release/);
});
