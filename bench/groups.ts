/** What a vault's groups have come to so far: each is one transaction. */
export interface Groups {
  readonly groups: number;
  readonly rows: number;
  readonly seconds: number;
}

/** Read from its metrics; null where it keeps none. */
export async function groupsOf(metricsPorts: readonly (number | null)[]): Promise<Groups | null> {
  const sum = { groups: 0, rows: 0, seconds: 0 };
  for (const port of metricsPorts) {
    if (port === null) return null;
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const read = (name: string): number =>
      Number(new RegExp(`^strongroom_group_${name} ([0-9.e+-]+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    sum.groups += read('rows_count');
    sum.rows += read('rows_sum');
    sum.seconds += read('duration_seconds_sum');
  }
  return sum;
}
