import { MOST_KEYS, signKeyChange } from '../../log/key-change.ts';
import type { Signer } from '../../log/note.ts';
import { type Verifier, verifierOf } from '../../log/verifier.ts';
import { ed25519 } from '../../crypto/ed25519.ts';
import { holdsDuty } from '../access/duty.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Draft } from '../commit/event.ts';
import type { Core } from '../core.ts';
import { signRow } from '../custody/authentic.ts';
import { newKey } from '../custody/new-key.ts';
import { VaultError } from '../error.ts';
import type { KeyRow } from '../rows.ts';
import type { Update } from '../statement.ts';
import { activeLogKey } from './log-keys.ts';

export interface RotatedLogKey {
  /** The new one, as C2SP signed-note writes a verifier key. */
  readonly key: string;
  /** The one before; null where the log had none. */
  readonly before: string | null;
  /** Checkpoints of so many events and more are signed by the new one. */
  readonly from: number;
  readonly requestId: string;
}

/** Random bytes of a key, its id, its wrapping and an event. */
const EXPECTED = 128;

/**
 * Gives the log a new key. It counts by the note of the one before in the event; the private part of that one is destroyed in
 * the same commit, as nothing asks for it any more. A store that has no key is given its first, for which nobody can sign.
 * @throws VaultError `insufficient_grant`; `conflict` once the log has had 1,000 keys; `integrity` where its key does not open
 */
export const rotateLogKey = (core: Core, caller: Caller): Promise<RotatedLogKey> =>
  attempt(core, caller, { action: 'audit.rotate-key', expected: EXPECTED }, async (call) => {
    if (!(await holdsDuty(call, 'keys', 'audit.rotate-key'))) return null;
    const { keys, vaultId } = call.epoch;
    const [before, row] = [activeLogKey(keys, vaultId), keys.vaultRow('checkpoints')];
    if (before === null) await mustHaveNone(core);
    // Version 1 came with the vault: of any other one an event tells.
    const version = (row?.version ?? 1) + 1;
    if (version > MOST_KEYS) throw new VaultError('conflict');
    const making = { ...core, ...core.world, vaultId, now: () => call.now, random: drawing(call) };
    const made = await newKey(making, 'checkpoints', null, version);
    const next = verifierOf(`strongroom/${vaultId}`, ed25519(made.secret).publicKey);
    const rowsKey = keys.vault('rows').secret;
    const done = await commit(call, 'unavailable', {
      inserts: [{ table: 'keys', row: signRow(rowsKey, 'keys', made.row) }],
      updates: row === null ? [] : [destroyed(call, row)],
      drafts: [eventOf(call, before, next)],
    });
    if (done === null) return null;
    const { request: requestId } = caller.origin;
    return { key: next.text, before: before?.verifier.text ?? null, from: done.first + 1, requestId };
  });

function eventOf(call: Call, before: Signer | null, next: Verifier): Draft {
  if (before === null) return draft(call, 'log.found-key', 'done', { detail: { key: next.text } });
  const detail = { key: before.verifier.text, note: signKeyChange(next, before) };
  return draft(call, 'audit.rotate-key', 'done', { detail });
}

/** A key that is there and does not open is not one that was never there: what it signed would be given up. */
async function mustHaveNone({ store }: Core): Promise<void> {
  const { keys } = await store.authority();
  if (keys.some(({ use }) => use === 'checkpoints')) throw new VaultError('integrity');
}

const drawing =
  ({ draw }: Call) =>
  (bytes: number): Uint8Array =>
    draw.take(bytes);

/** A key's row without the key. */
function destroyed(call: Call, { mac: was, ...row }: KeyRow): Update {
  const next = { ...row, state: 'destroyed', wrapped: new Uint8Array(0), revision: row.revision + 1 };
  return { table: 'keys', row: signRow(call.epoch.keys.vault('rows').secret, 'keys', next), was };
}
