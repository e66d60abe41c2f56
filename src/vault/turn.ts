import { attempt } from './attempt.ts';
import { type Caller, commit, draft } from './call.ts';
import { FOUNDED, standingText } from './commit/standing.ts';
import type { Core } from './core.ts';

/**
 * Closes the store for good, but for a reopening: its event is the last of the log, and in the copy too. No grant allows it:
 * whoever moves a vault has both stores.
 * @param from how the store stands, as its head has it
 * @param place engine and name of the store that it is copied to
 * @returns the event's index
 */
export const leave = (core: Core, caller: Caller, from: string, place: string): Promise<number> =>
  attempt(core, caller, { action: 'store.copy', expected: 16 }, async (call) => {
    const drafts = [draft(call, 'store.copy', 'done', { detail: { to: place } })];
    const turn = { from, to: standingText({ state: 'leaving', place }) };
    const done = await commit(call, 'unavailable', { drafts, turn });
    return done?.first ?? null;
  });

/**
 * Opens the store again. The log has an event more then, so that a copy which was begun is a copy of another head.
 * @param from how the store stands, as its head has it
 * @returns the event's index
 */
export const reopen = (core: Core, caller: Caller, from: string): Promise<number> =>
  attempt(core, caller, { action: 'store.reopen', expected: 16 }, async (call) => {
    const drafts = [draft(call, 'store.reopen', 'done')];
    const done = await commit(call, 'unavailable', { drafts, turn: { from, to: FOUNDED } });
    return done?.first ?? null;
  });
