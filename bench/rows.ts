import type { Verb } from './requests.ts';

export type Goal =
  /** Its values a second to the requests, or the values, of another row. */
  | {
      readonly kind: 'ratio';
      readonly of: string;
      readonly per: 'requests' | 'values';
      readonly least: number;
    }
  | { readonly kind: 'p50'; readonly under: number };

/** One line of the report: who is asked, for what, by how many at once, and what would be good. */
export interface Row {
  readonly name: string;
  readonly meaning: string;
  readonly target: 'bare' | 'shelled' | 'vault' | 'replicas' | 'pgcrypto' | 'aes';
  readonly verb: Verb;
  readonly items: number;
  readonly connections: number;
  /** Callers that tokenise 1,000 items a request all the while; they are not measured. */
  readonly crowd: number;
  readonly goal: Goal | null;
}

const manyRows = 3_000_000;

/** Every row of the report in the order of a round; the goals depend on how full the vault is. */
export function allRows(filled: number): readonly Row[] {
  const quiet = { connections: 64, crowd: 0 };
  const vault = { ...quiet, target: 'vault' as const, items: 1 };
  const least = filled >= manyRows ? 0.4 : 1;
  return [
    {
      ...quiet,
      name: 'echo-bare',
      meaning: 'Hono + zod parse a one-item POST and answer it: the yardstick',
      target: 'bare',
      verb: 'echo',
      items: 1,
      goal: null,
    },
    {
      ...quiet,
      name: 'echo-shelled',
      meaning: 'the same echo with request id, size check, key check and log line',
      target: 'shelled',
      verb: 'echo',
      items: 1,
      goal: null,
    },
    {
      ...vault,
      name: 'tokenise',
      meaning: 'one new value a request',
      verb: 'tokenise',
      goal: { kind: 'ratio', of: 'echo-shelled', per: 'requests', least: 0.5 },
    },
    {
      ...vault,
      name: 'detokenise',
      meaning: 'one token a request, its event durable first',
      verb: 'detokenise',
      goal: { kind: 'ratio', of: 'echo-shelled', per: 'requests', least: 0.75 },
    },
    {
      ...vault,
      name: 'tokenise-100',
      meaning: "100 new values a request; the ratio is values/s to the bare echo's requests/s",
      verb: 'tokenise',
      items: 100,
      goal: { kind: 'ratio', of: 'echo-bare', per: 'requests', least },
    },
    {
      ...vault,
      name: 'detokenise-100',
      meaning: "100 tokens a request; the ratio is values/s to the bare echo's requests/s",
      verb: 'detokenise',
      items: 100,
      goal: { kind: 'ratio', of: 'echo-bare', per: 'requests', least: 1.8 },
    },
    {
      ...vault,
      name: 'tokenise-alone',
      meaning: 'one caller, one value at a time',
      verb: 'tokenise',
      connections: 1,
      goal: { kind: 'p50', under: 1 },
    },
    {
      ...vault,
      name: 'detokenise-alone',
      meaning: 'one caller, one token at a time',
      verb: 'detokenise',
      connections: 1,
      goal: { kind: 'p50', under: 1 },
    },
    {
      ...vault,
      name: 'detokenise-crowded',
      meaning: 'the same caller while four others tokenise 1,000 values a request',
      verb: 'detokenise',
      connections: 1,
      crowd: 4,
      goal: { kind: 'p50', under: 10 },
    },
  ];
}
