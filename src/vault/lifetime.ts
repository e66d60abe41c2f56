import { attempt } from './attempt.ts';
import { type Caller, commit, draft } from './call.ts';
import { NOTHING } from './commit/commit.ts';
import type { Core } from './core.ts';
import { systemDraft } from './refusals.ts';

/** Commits the event of a vault that was just made: the first of its log. */
export const recordInit = (core: Core, caller: Caller, release: string): Promise<number> =>
  attempt(core, caller, { action: 'init', expected: 16 }, async (call) => {
    const done = await commit(call, 'audit_unavailable', {
      drafts: [draft(call, 'init', 'done', { detail: { release } })],
    });
    return done?.first ?? null;
  });

/**
 * Commits the event of a process that begins to serve, before it takes a request: without it nothing is served.
 * @param release the version of the program
 * @returns the event's index, which the stop refers to
 */
export const recordStart = (core: Core, caller: Caller, release: string): Promise<number> =>
  attempt(core, caller, { action: 'serve.start', expected: 16 }, async (call) => {
    const done = await commit(call, 'audit_unavailable', {
      drafts: [draft(call, 'serve.start', 'done', { detail: { release } })],
    });
    return done?.first ?? null;
  });

/**
 * Commits the event of a process that serves no more, after its last answer. A signal has no name of who sent it, so the
 * vault itself is the actor; and a vault that has closed over a finding records it all the same.
 * @param start the index of the event of its start
 * @throws StoreFailure
 */
export async function recordStop({ queue, world }: Core, start: number, signal: string): Promise<void> {
  const facts = { after: start, detail: { signal } };
  await queue.submit({
    ...NOTHING,
    drafts: [systemDraft('serve', 'serve.stop', 'done', facts, world.random)],
  });
}
