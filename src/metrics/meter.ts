import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Notice } from '../vault/core.ts';
import type { Observer } from '../vault/observer.ts';
import { commitMetrics } from './commits.ts';
import { type Gauges, stateMetrics } from './state.ts';
import { type Metered, requestMetrics } from './requests.ts';

/**
 * What Prometheus is told. Labels are words of this release's tables (routes, codes, uses, states) and names of the policy's
 * collections: never a value, a token, a subject, a client or anything else of a caller, so that their number is bounded.
 */
export interface Meter {
  /** For the vault to tell of its work. */
  readonly observer: Observer;
  readonly request: (line: Metered) => void;
  readonly notice: (kind: Notice['kind']) => void;
  /** Everything, in Prometheus' text format. */
  readonly scrape: (gauges: Gauges) => Promise<string>;
}

/** @param tick milliseconds of a clock that never goes back */
export function createMeter(version: string, tick: () => number): Meter {
  // One of its own: what some library registers with the process's goes nowhere.
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { observer, notice } = commitMetrics(registry, tick);
  const set = stateMetrics(registry, version);
  return {
    observer,
    notice,
    request: requestMetrics(registry),
    scrape: (gauges) => {
      set(gauges);
      return registry.metrics();
    },
  };
}
