const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** `90d`, `12h` or `30m`, in milliseconds; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, count, unit] = /^([1-9]\d{0,4})([dhm])$/.exec(text) ?? [];
  const milliseconds = unit === undefined ? undefined : UNITS[unit];
  return milliseconds === undefined ? null : Number(count) * milliseconds;
}
