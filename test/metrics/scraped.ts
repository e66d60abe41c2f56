import { expect } from 'vitest';
import { send } from '../http/listening.ts';

/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;

/** Reads Prometheus' text format, and fails on a line that is none of it. */
function samplesOf(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', labels = '', value] = LINE.exec(line) ?? expect.fail(`no sample: ${line}`);
    const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
    return {
      name,
      labels: Object.fromEntries(pairs.map(([, key, word]) => [key, word])),
      value: Number(value),
    };
  });
}

export interface Scrape {
  readonly text: string;
  readonly samples: readonly Sample[];
  /** The one sample of that name whose labels include these; null where there is none. */
  readonly valueOf: (name: string, labels?: Readonly<Record<string, string>>) => number | null;
}

export async function scrape(url: string): Promise<Scrape> {
  const answer = await send(url);
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const samples = samplesOf(answer.text);
  return {
    text: answer.text,
    samples,
    valueOf: (name, labels = {}) => {
      const found = samples.filter(
        (one) =>
          one.name === `strongroom_${name}` &&
          Object.entries(labels).every(([label, value]) => one.labels[label] === value),
      );
      expect(found.length).toBeLessThan(2);
      return found[0]?.value ?? null;
    },
  };
}
