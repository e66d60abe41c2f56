import { expect, it } from 'vitest';
import { vectorSuite } from './shared-vectors.ts';

const here = import.meta.dirname;
const nowhere = `${here}/no-such-folder`;

it('runs the shared vectors where they are, skips where they are not, and fails in CI', () => {
  expect(vectorSuite(here, undefined)).toBe('run');
  expect(vectorSuite(here, 'true')).toBe('run');
  expect(vectorSuite(nowhere, undefined)).toBe('skip');
  expect(vectorSuite(nowhere, '')).toBe('skip');
  expect(vectorSuite(nowhere, 'true')).toBe('fail');
});
