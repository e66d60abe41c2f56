import { expect, it } from 'vitest';
import { openCheckpoint, signCheckpoint } from '../../src/log/checkpoint.ts';
import type { Verification } from '../../src/verifier/report.ts';
import { leafSlowly, rootSlowly } from '../log/slow-tree.ts';
import {
  against,
  changeTo,
  eventOf,
  eventsOf,
  type Files,
  first,
  layoutSlowly,
  noteOf,
  ORIGIN,
  second,
  signerOf,
  third,
  verified,
  witnessOf,
} from './made-log.ts';

/** A vault that has its log's key and lies, to an auditor who has the key's public half and what he kept. */

const EVENTS = eventsOf(600);

/** Each finding as a line. */
const linesOf = ({ findings }: Verification): string[] =>
  findings.map(({ about, index, problem }) => `${about} ${index ?? '-'} ${problem}`);

/** A log that was rewritten from some event on. */
const forkedAt = (at: number, count = EVENTS.length): Buffer[] =>
  eventsOf(count).map((event, i) => (i < at ? event : Buffer.concat([event, Buffer.from(' ')])));

it('a log that is whole has no findings, and is anchored as far as what was kept', async () => {
  const files = layoutSlowly(EVENTS);
  expect(await verified(files)).toMatchObject({
    findings: [],
    size: 600,
    anchored: 0,
    root: Buffer.from(rootSlowly(EVENTS.map(leafSlowly))).toString('base64'),
  });
  expect(await verified(files, against(noteOf(EVENTS, 17), noteOf(EVENTS, 300)))).toMatchObject({
    findings: [],
    anchored: 300,
  });
  expect(await verified(files, against(noteOf(EVENTS)))).toMatchObject({ findings: [], anchored: 600 });
});

it('a log that was rewritten and signed again is found by any checkpoint that was kept of what is gone', async () => {
  const files = layoutSlowly(forkedAt(300));
  expect(linesOf(await verified(files))).toEqual([]);
  expect(linesOf(await verified(files, against(noteOf(EVENTS, 200))))).toEqual([]);
  expect(linesOf(await verified(files, against(noteOf(EVENTS, 301))))).toEqual([
    'events - the log does not continue kept 0, of 301 events',
  ]);
  const both = await verified(files, against(noteOf(EVENTS, 599), noteOf(EVENTS, 300)));
  expect(linesOf(both)).toEqual([
    'events - the log does not continue kept 0, of 599 events: what is other is event 300 or a later one',
  ]);
});

it('a log that was cut is found by a later checkpoint, at the first event that is gone', async () => {
  const files = layoutSlowly(EVENTS.slice(0, 256));
  expect(linesOf(await verified(files, against(noteOf(EVENTS, 257))))).toEqual([
    'events 256 the newest checkpoint ends here, and kept 0 is of 257 events',
  ]);
});

it('two views of one size are not one log', async () => {
  const files = layoutSlowly(forkedAt(599));
  expect(linesOf(await verified(files, against(noteOf(EVENTS))))).toEqual([
    'events - the log does not continue kept 0, of 600 events',
  ]);
});

it.each([
  ['an event', 'entries', (files: Files) => swapped(files, 'tile/entries/001', 400 - 256, 401 - 256)],
  ['its leaf', 'tiles', (files: Files) => swappedHashes(files, 'tile/0/001', 400 - 256, 401 - 256)],
])('%s that stands in the place of its neighbour is named', async (_, about, lie) => {
  const files = layoutSlowly(EVENTS);
  lie(files);
  const found = await verified(files);
  expect(found.findings[0]).toMatchObject({ about: about === 'entries' ? 'events' : 'tiles', index: 400 });
});

it('entries and leaves that changed places together are not what was signed', async () => {
  const files = layoutSlowly(EVENTS.with(400, eventOf(401)).with(401, eventOf(400)), noteOf(EVENTS));
  const kept = against(noteOf(EVENTS, 256), noteOf(EVENTS, 512));
  expect(linesOf(await verified(files, kept))).toEqual([
    'events - the log does not continue kept 1, of 512 events: what is other is event 256 or a later one',
    'events - all events are there, but not as the newest checkpoint signs them: what is other is event 256 or a later one',
  ]);
});

it.each([
  ['more', 601, ['events 512 this event is missing']],
  ['far more', Number.MAX_SAFE_INTEGER, ['events 512 this event is missing']],
])('a checkpoint of %s events than there are is found', async (_, size, lines) => {
  const root = rootSlowly(EVENTS.map(leafSlowly));
  const files = layoutSlowly(EVENTS, signCheckpoint({ origin: ORIGIN, size, root }, first));
  expect(linesOf(await verified(files)).slice(0, 1)).toEqual(lines);
});

it('a checkpoint of fewer events, with the root of all, is found', async () => {
  const root = rootSlowly(EVENTS.map(leafSlowly));
  const note = signCheckpoint({ origin: ORIGIN, size: 512, root }, first);
  const found = await verified(layoutSlowly(EVENTS.slice(0, 512), note));
  expect(linesOf(found)).toEqual([
    'events - all events are there, but not as the newest checkpoint signs them',
  ]);
});

it.each([
  ['by nobody that is known', noteOf(EVENTS, 600, second), 'is not signed by the key of the log'],
  ['for another log', noteOf(EVENTS, 600, signerOf(1, 'strongroom/other')), 'is of another log'],
  [
    'with a text that was changed',
    noteOf(EVENTS).replace('600', '599'),
    'is not signed by the key of the log',
  ],
])('a checkpoint signed %s does not count', async (_, note, why) => {
  const found = await verified(layoutSlowly(EVENTS, note));
  expect(linesOf(found)).toContain(`checkpoint - the newest checkpoint ${why}`);
});

it('what was kept counts by its signature alone', async () => {
  const forged = noteOf(EVENTS, 600, second);
  const found = await verified(layoutSlowly(EVENTS), against(forged, 'nothing'));
  expect(found.anchored).toBe(0);
  expect(linesOf(found)).toEqual([
    'checkpoint - kept 1 is none',
    'checkpoint - kept 0 is not signed by the key of the log',
  ]);
});

/** The key changes at event 100, and again at 400. */
const ROTATED = EVENTS.with(100, changeTo(second, first)).with(400, changeTo(third, second));

it('a key is followed to the next one, from any of them', async () => {
  const files = layoutSlowly(ROTATED, noteOf(ROTATED, 600, third));
  for (const { verifier } of [first, second, third])
    expect(await verified(files, { key: verifier })).toMatchObject({
      findings: [],
      key: third.verifier.text,
    });
  const kept = [noteOf(ROTATED, 100, first), noteOf(ROTATED, 101, second), noteOf(ROTATED, 400, second)];
  expect(await verified(files, against(...kept))).toMatchObject({ findings: [], anchored: 400 });
});

it.each([
  [
    'a newer key over older entries',
    100,
    second,
    'is signed by a key that the log has only from event 100 on',
  ],
  ['a far newer key', 100, third, 'is signed by a key that the log has only from event 400 on'],
  ['an older key over newer entries', 101, first, 'is signed by a key that the log gave up with event 100'],
  ['an older key, much later', 600, second, 'is signed by a key that the log gave up with event 400'],
])('%s signs nothing', async (_, size, signer, why) => {
  const files = layoutSlowly(ROTATED, noteOf(ROTATED, 600, third));
  const found = await verified(files, against(noteOf(ROTATED, size, signer)));
  expect(linesOf(found)).toEqual([`checkpoint - kept 0 ${why}`]);
  expect(found.anchored).toBe(0);
});

it('the newest checkpoint is the newest key’s', async () => {
  const found = await verified(layoutSlowly(ROTATED, noteOf(ROTATED, 600, first)));
  expect(linesOf(found)).toEqual([
    'checkpoint - the newest checkpoint is signed by a key that the log gave up with event 100',
  ]);
});

it('what was signed before the given key is held against the log by the key of its time', async () => {
  const files = layoutSlowly(ROTATED, noteOf(ROTATED, 600, third));
  for (const { verifier } of [second, third]) {
    const kept = against(noteOf(ROTATED, 50, first), noteOf(ROTATED, 400, second));
    expect(await verified(files, { ...kept, key: verifier })).toMatchObject({ findings: [], anchored: 400 });
    const other = { ...against(noteOf(ROTATED, 101, first)), key: verifier };
    expect(linesOf(await verified(files, other))).toEqual([
      'checkpoint - kept 0 is signed by a key that the log gave up with event 100',
    ]);
  }
});

it('a key before the given one that the log does not tell of signs nothing', async () => {
  const untold = JSON.parse(changeTo(second, first).toString()) as { detail: { key: string } };
  for (const key of ['', third.verifier.text]) {
    untold.detail.key = key;
    const events = EVENTS.with(100, Buffer.from(JSON.stringify(untold)));
    const files = layoutSlowly(events, noteOf(events, 600, second));
    const found = await verified(files, { ...against(noteOf(events, 50, first)), key: second.verifier });
    expect(linesOf(found)).toEqual([
      'checkpoint - kept 0 is of 50 events, when the log did not have the given key yet',
    ]);
  }
});

it('a log of other keys is none of the given one', async () => {
  const files = layoutSlowly(ROTATED.slice(0, 300), noteOf(ROTATED, 300, second));
  const found = await verified(files, { key: third.verifier });
  expect(linesOf(found)).toEqual([
    'key 100 this event says that the key of the log changed, and the key before did not sign that',
    'checkpoint - the newest checkpoint is not signed by the key of the log',
  ]);
});

it('a change of key that the key before did not sign is no change, and is told', async () => {
  const events = EVENTS.with(100, changeTo(second, third));
  expect(linesOf(await verified(layoutSlowly(events, noteOf(events, 600, second))))).toEqual([
    'key 100 this event says that the key of the log changed, and the key before did not sign that',
    'checkpoint - the newest checkpoint is not signed by the key of the log',
  ]);
  const denied = EVENTS.with(100, changeTo(second, first, 'denied'));
  expect(linesOf(await verified(layoutSlowly(denied)))).toEqual([]);
});

const [seen, other] = [witnessOf(11), witnessOf(12)];
const WITNESSES = [seen.verifier, other.verifier];

it('is anchored where its witnesses cosigned it, as many as are asked for', async () => {
  const one = layoutSlowly(EVENTS, seen.cosign(noteOf(EVENTS)));
  const two = layoutSlowly(EVENTS, other.cosign(seen.cosign(noteOf(EVENTS))));
  const anchoredOf = async (files: Files, quorum: number) =>
    (await verified(files, { witnesses: WITNESSES, quorum })).anchored;
  expect([await anchoredOf(one, 1), await anchoredOf(one, 2), await anchoredOf(two, 2)]).toEqual([
    600, 0, 600,
  ]);
  expect(await verified(two, { witnesses: WITNESSES, quorum: 2 })).toMatchObject({
    findings: [],
    cosigned: ['witness.example/11', 'witness.example/12'],
  });
  // Of a witness that nobody asked about it means nothing.
  expect(await verified(one)).toMatchObject({ findings: [], anchored: 0, cosigned: [] });
});

it('an older checkpoint that was cosigned anchors as far as it goes', async () => {
  const kept = against(seen.cosign(noteOf(EVENTS, 256)));
  const pins = { ...kept, witnesses: [seen.verifier], quorum: 1 };
  expect(await verified(layoutSlowly(EVENTS), pins)).toMatchObject({ findings: [], anchored: 256 });
});

it('a cosignature that does not hold spoils the checkpoint', async () => {
  const forged = seen.cosign(noteOf(EVENTS, 599)).split('\n').at(-2) ?? '';
  const files = layoutSlowly(EVENTS, `${noteOf(EVENTS)}${forged}\n`);
  const found = await verified(files, { witnesses: [seen.verifier], quorum: 1 });
  expect(found.anchored).toBe(0);
  expect(linesOf(found)).toEqual([
    'checkpoint - the newest checkpoint carries a cosignature of a known witness that does not hold',
  ]);
});

it('a cosignature alone is no signature of the log', async () => {
  const text = noteOf(EVENTS).split('\n\n')[0] ?? '';
  const files = layoutSlowly(EVENTS, seen.cosign(`${text}\n\n`));
  const found = await verified(files, { witnesses: [seen.verifier], quorum: 1 });
  expect(found).toMatchObject({ anchored: 0, findings: [{ about: 'checkpoint' }] });
  expect(() => openCheckpoint(Buffer.from(noteOf(EVENTS)), first.verifier)).not.toThrow();
});

/** Two entries of a file change places. */
function swapped(files: Files, path: string, a: number, b: number): void {
  const index = Number(path.slice(-3)) * 256;
  const entries = EVENTS.slice(index, index + 256);
  const made = layoutSlowly(entries.with(a, entries[b] ?? NONE).with(b, entries[a] ?? NONE), noteOf(EVENTS));
  files.set(path, made.get('tile/entries/000') ?? NONE);
}

function swappedHashes(files: Files, path: string, a: number, b: number): void {
  const tile = Buffer.from(files.get(path) ?? NONE);
  const [one, two] = [a, b].map((at) => Buffer.from(tile.subarray(at * 32, at * 32 + 32)));
  tile.set(two ?? NONE, a * 32);
  tile.set(one ?? NONE, b * 32);
  files.set(path, tile);
}

const NONE = Buffer.alloc(0);

it('a checkpoint of no events, which a vault signs for a new anchor, is no log', async () => {
  const empty = noteOf([]);
  const { findings, size } = await verified(new Map([['checkpoint', Buffer.from(empty)]]));
  expect(size).toBe(0);
  expect(findings).toEqual([
    {
      about: 'checkpoint',
      index: null,
      problem: 'the newest checkpoint is of no events, and a log begins with the making of its vault',
    },
  ]);
  // Kept from before the first event, it is true of every log, and anchors nothing of it.
  const events = eventsOf(3);
  const kept = await verified(layoutSlowly(events), against(empty));
  expect([kept.findings, kept.anchored]).toEqual([[], 0]);
});

it('follows as many keys as a vault gives a log, and no more', async () => {
  const keys = Array.from({ length: 1002 }, (_, i) => (i % 2 === 0 ? first : second));
  const changes = (count: number) => keys.slice(0, count).map((by, i) => changeTo(keys[i + 1] ?? third, by));
  const signedBy = (count: number, signer: typeof first) => {
    const events = changes(count);
    return verified(layoutSlowly(events, noteOf(events, count, signer)));
  };
  expect(await signedBy(999, second)).toMatchObject({ findings: [], size: 999, key: second.verifier.text });
  expect((await signedBy(1000, second)).findings).toEqual([
    {
      about: 'key',
      index: 999,
      problem: 'a vault gives its log 1,000 keys at the most, and this event names one more',
    },
  ]);
});
