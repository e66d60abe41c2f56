import { Counter, Histogram, type Registry } from 'prom-client';
import { type Code, CODE_NAMES, statusOf } from '../wire/codes.ts';
import { ROUTES } from '../wire/routes.ts';

/** What is counted of a request: the line that is logged of it has it all. */
export interface Metered {
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly code?: Code | undefined;
  readonly items?: { readonly done: number; readonly failed: ReadonlyMap<Code, number> } | undefined;
}

/** What is no route of the wire. */
const PAGES = ['/livez', '/readyz', '/openapi.json', '/docs'];
const KNOWN: ReadonlySet<string> = new Set([...Object.values(ROUTES).map(({ path }) => path), ...PAGES]);
/** Everything else: no path that a caller thought of becomes a label, and what has no route takes no time. */
const ELSEWHERE = '*';
const FAILURES = CODE_NAMES.filter((code) => statusOf(code) >= 500);

/** In seconds: a commit's sync is about a millisecond, and a request is given up after thirty seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Rate, errors and duration by route, and the items of batches. */
export function requestMetrics(registry: Registry): (line: Metered) => void {
  const registers = [registry];
  const requests = new Counter({
    name: 'strongroom_requests_total',
    help: 'Requests by route and outcome: ok, partial (207), or the error code',
    labelNames: ['route', 'outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'strongroom_request_duration_seconds',
    help: 'Time from headers to answer, by route and result: ok (2xx), refused (4xx) or failed (5xx)',
    labelNames: ['route', 'result'],
    buckets: BUCKETS,
    registers,
  });
  const items = new Counter({
    name: 'strongroom_items_total',
    help: 'Items of batches by route and outcome: ok, or the error code',
    labelNames: ['route', 'outcome'],
    registers,
  });
  // A series that begins with its first failure has no rate then: what is watched for is there from the start.
  for (const route of [...KNOWN, ELSEWHERE])
    for (const outcome of ['ok', ...FAILURES]) requests.inc({ route, outcome }, 0);
  return ({ route: asked, status, ms, code, items: tally }) => {
    const route = KNOWN.has(asked) ? asked : ELSEWHERE;
    requests.inc({ route, outcome: code ?? (status === 207 ? 'partial' : 'ok') });
    if (route !== ELSEWHERE) seconds.observe({ route, result: resultOf(status) }, ms / 1000);
    if (tally === undefined) return;
    if (tally.done > 0) items.inc({ route, outcome: 'ok' }, tally.done);
    for (const [outcome, count] of tally.failed) items.inc({ route, outcome }, count);
  };
}

const resultOf = (status: number): string => (status < 400 ? 'ok' : status < 500 ? 'refused' : 'failed');
