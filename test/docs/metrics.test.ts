import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMeter } from '../../src/metrics/meter.ts';
import { CODE_NAMES } from '../../src/wire/codes.ts';
import { coded, tableOf, textOf } from './documents.ts';

const page = textOf('docs/metrics.md');
const figures = {
  vault: { waiting: 0, events: 0, lastAt: 0, checkpoint: null, anchors: [], findings: 0, authority: null },
  sizes: { store: 0, wal: 0 },
  certificateExpiry: null,
};

/** Name and type of each metric, as they are declared to Prometheus. */
async function declared(): Promise<[string, string][]> {
  const text = await createMeter('1.2.3', () => 0).scrape(figures);
  return [...text.matchAll(/^# TYPE (strongroom_\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [
    name,
    type,
  ]);
}

it('docs/metrics.md tells of each metric, with its type, and of no other', async () => {
  const rows = tableOf(page, 'metric');
  const told = rows.map(([name = '', type = '']): [string, string] => [coded(name)[0] ?? '', type]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(await declared()));
  expect(told).toHaveLength((await declared()).length);
});

it('its rules read, and ask for metrics and codes that there are', async () => {
  const names = new Set((await declared()).map(([name]) => name));
  const blocks = page.split('```yaml\n').slice(1);
  const rules: unknown = parse(blocks.at(-1)?.split('```')[0] ?? '');
  const { groups } = rules as { groups: { rules: { alert: string; expr: string }[] }[] };
  const all = groups.flatMap((group) => group.rules);
  expect(all.length).toBeGreaterThan(10);
  for (const { alert, expr } of all) {
    const asked = [...expr.matchAll(/strongroom_\w+/g)].map(([name]) => name.replace(/_bucket$/, ''));
    expect(asked.length, alert).toBeGreaterThan(0);
    for (const name of asked) expect(names, alert).toContain(name);
    for (const [, codes = ''] of expr.matchAll(/outcome=~?"([^"]+)"/g))
      for (const code of codes.split('|')) expect(CODE_NAMES, alert).toContain(code);
  }
});
