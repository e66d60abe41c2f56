import { describe, expect, it } from 'vitest';
import { NOTHING, weightOf } from '../../src/vault/commit/commit.ts';
import type { Draft } from '../../src/vault/commit/event.ts';
import { Lanes } from '../../src/vault/commit/lanes.ts';

/** Whose turn it is: many requests of one thing beside requests of a thousand. */

const draft: Draft = {
  action: 'detokenise',
  outcome: 'done',
  actor: { id: 'cli_1', kind: 'service' },
  origin: { via: 'http', to: 'caller', from: null, request: 'req_1', trace: null },
  facts: {},
  salt: new Uint8Array(16),
};
const request = (events: number) => ({
  commit: { ...NOTHING, drafts: Array.from({ length: events }, () => draft) },
});
type Request = ReturnType<typeof request>;

const LARGE = 2000;
const isLarge = ({ commit }: Request): boolean => commit.drafts.length === LARGE;

/** Lanes in which the small lane has been used, with large requests waiting. */
function mixed(large: number): Lanes<Request> {
  const lanes = new Lanes<Request>();
  for (let i = 0; i < large; i++) lanes.add(request(LARGE));
  expect(lanes.next().map(isLarge)).toEqual([true]);
  lanes.add(request(1));
  expect(lanes.next().map(isLarge)).toEqual([false]);
  return lanes;
}

describe('lanes', () => {
  it('take small requests together up to the cap, and a large one by itself', () => {
    const lanes = new Lanes<Request>();
    for (let i = 0; i < 600; i++) lanes.add(request(1));
    lanes.add(request(LARGE));
    expect(lanes.weight).toBe(600 * weightOf(request(1).commit) + weightOf(request(LARGE).commit));
    const groups = [lanes.next(), lanes.next(), lanes.next()];
    expect(groups.map((group) => group.length)).toEqual([512, 1, 88]);
    expect(groups.map((group) => group.some(isLarge))).toEqual([false, true, false]);
    expect(lanes.next()).toEqual([]);
    expect(lanes.weight).toBe(0);
  });

  it('give the small requests what a large one cost before the next large one', () => {
    const lanes = mixed(2);
    let between = 1;
    for (; between < 1000; between++) {
      lanes.add(request(1));
      if (lanes.next().some(isLarge)) break;
    }
    // Each group of one costs its sync and its rows: some thirty of them cost what two thousand rows do.
    expect(between).toBe(31);
  });

  it('give a large request its turn, however many small ones come', () => {
    const lanes = new Lanes<Request>();
    for (let i = 0; i < 4; i++) lanes.add(request(LARGE));
    const turns: boolean[] = [];
    while (turns.length < 12) {
      while (lanes.weight < 5 * LARGE) lanes.add(request(1));
      turns.push(lanes.next().some(isLarge));
    }
    const [small, large] = [false, true];
    expect(turns.slice(0, 8)).toEqual([small, large, small, small, large, small, small, large]);
  });

  it('hold a large request only while small ones come', () => {
    const lanes = mixed(4);
    expect(lanes.isHeld).toBe(true);
    lanes.add(request(1));
    expect(lanes.isHeld).toBe(false);
    expect(lanes.next().some(isLarge)).toBe(false);
    expect(lanes.isHeld).toBe(true);
    lanes.forgive();
    expect(lanes.isHeld).toBe(false);
    expect(lanes.next().some(isLarge)).toBe(true);
    // Small ones came since the one before: this one is held for them once more, the next is not.
    expect(lanes.isHeld).toBe(true);
    lanes.forgive();
    expect(lanes.next().some(isLarge)).toBe(true);
    expect(lanes.isHeld).toBe(false);
  });

  it('give everything back at once', () => {
    const lanes = mixed(3);
    lanes.add(request(1));
    expect(lanes.takeAll()).toHaveLength(3);
    expect(lanes.weight).toBe(0);
  });
});
