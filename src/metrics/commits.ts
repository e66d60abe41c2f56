import { Counter, Histogram, type Registry } from 'prom-client';
import type { Notice } from '../vault/core.ts';
import type { Observer } from '../vault/observer.ts';
import type { FailureKind } from '../vault/store.ts';

const POWERS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048];
/** In seconds. */
const BUCKETS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3];

/** All of them: a series that begins with its first failure has no rate then. */
const KINDS = {
  failed: { full: 0, io: 0, busy: 0, closed: 0, unknown: 0, other: 0 } satisfies Record<FailureKind, 0>,
  notices: { integrity: 0, filling: 0, store: 0, upkeep: 0, policy: 0, anchor: 0, fatal: 0 } satisfies Record<
    Notice['kind'],
    0
  >,
};

/** The one write path, the token spaces, and what the operator was told of. */
export function commitMetrics(
  registry: Registry,
  tick: () => number,
): { readonly observer: Observer; readonly notice: (kind: Notice['kind']) => void } {
  const registers = [registry];
  const groupCommits = new Histogram({
    name: 'strongroom_group_commits',
    help: 'Commits in a group, which is one transaction',
    buckets: POWERS,
    registers,
  });
  const groupRows = new Histogram({
    name: 'strongroom_group_rows',
    help: 'Rows and events in a group',
    buckets: POWERS,
    registers,
  });
  const groupSeconds = new Histogram({
    name: 'strongroom_group_duration_seconds',
    help: 'Time until a group was durable',
    buckets: BUCKETS,
    registers,
  });
  const again = new Counter({
    name: 'strongroom_commits_again_total',
    help: 'Commits that were decided again, since what they relied on had changed',
    registers,
  });
  const failed = new Counter({
    name: 'strongroom_commits_failed_total',
    help: 'Commits that are not known to be durable, by kind of failure',
    labelNames: ['kind'],
    registers,
  });
  const draws = new Counter({
    name: 'strongroom_draws_total',
    help: 'Random tokens that were drawn, by collection',
    labelNames: ['collection'],
    registers,
  });
  const taken = new Counter({
    name: 'strongroom_draws_taken_total',
    help: 'Of those, the ones that were taken: over drawn, it is how full the spaces are that are drawn from',
    labelNames: ['collection'],
    registers,
  });
  const notices = new Counter({
    name: 'strongroom_notices_total',
    help: 'Warnings to the operator, by kind',
    labelNames: ['kind'],
    registers,
  });
  for (const kind of Object.keys(KINDS.failed)) failed.inc({ kind }, 0);
  for (const kind of Object.keys(KINDS.notices)) notices.inc({ kind }, 0);
  return {
    observer: {
      tick,
      group: (commits, weight, milliseconds) => {
        groupCommits.observe(commits);
        groupRows.observe(weight);
        groupSeconds.observe(milliseconds / 1000);
      },
      again: (commits) => again.inc(commits),
      failed: (commits, kind) => failed.inc({ kind }, commits),
      drew: (collection, were, asked) => {
        draws.inc({ collection }, asked);
        taken.inc({ collection }, were);
      },
    },
    notice: (kind) => notices.inc({ kind }),
  };
}
