import { expect, it } from 'vitest';
import { FINDINGS } from '../../src/doctor/finding.ts';
import { coded, tableOf, textOf } from './documents.ts';

it('docs/doctor.md tells of each finding, with its severity, and of no other', () => {
  const rows = tableOf(textOf('docs/doctor.md'), 'id');
  const told = Object.fromEntries(rows.map(([id = '', severity]) => [coded(id)[0], severity]));
  expect(told).toEqual(FINDINGS);
  expect(rows).toHaveLength(Object.keys(FINDINGS).length);
});
