import { addClient, revokeClient } from './access/manage.ts';
import { liftClient, restrictClient, resumeClient, suspendClient } from './access/restrict.ts';
import { retireClient, rotateClient } from './access/rotate.ts';
import { admitClient, expireClient } from './access/terms.ts';
import { listClients, showClient } from './access/show.ts';
import { collections, whoami } from './access/whoami.ts';
import { logKey, newestCheckpoint, proveEvent } from './audit/published.ts';
import { readEvents } from './audit/events.ts';
import { rotateLogKey } from './audit/rotate-key.ts';
import type { BoundVault } from './bound.ts';
import type { Caller } from './call.ts';
import type { Core } from './core.ts';
import type { Key } from './custody/keyring.ts';
import { requestPolicy } from './policy/apply.ts';
import { explainClient, explainOwn } from './policy/explain.ts';
import { diffPolicy, showPolicy } from './policy/review.ts';
import { describe } from './values/describe.ts';
import { detokenise, mask } from './values/reveal.ts';
import { erase } from './values/erase.ts';
import { lookup } from './values/lookup.ts';
import { replace } from './values/replace.ts';
import { tokenise } from './values/tokenise.ts';
import { verify } from './values/verify.ts';

/** The vault as one caller sees it: every verb, with the caller in its place. */
export function bind(
  core: Core,
  caller: Caller,
  rowsKey: Key,
  verifyLog: BoundVault['audit']['verify'],
): BoundVault {
  return {
    tokenise: (request, idempotencyKey = null) => tokenise(core, caller, request, idempotencyKey),
    detokenise: (request) => detokenise(core, caller, request),
    mask: (request) => mask(core, caller, request),
    verify: (request) => verify(core, caller, request),
    replace: (request, idempotencyKey = null) => replace(core, caller, request, idempotencyKey),
    lookup: (request) => lookup(core, caller, request),
    describe: (request) => describe(core, caller, request),
    erase: (request, idempotencyKey = null) => erase(core, caller, request, idempotencyKey),
    collections: () => collections(core, caller),
    whoami: () => whoami(core, caller),
    explain: (request) => explainOwn(core, caller, request),
    clients: {
      add: (request, key = null) => addClient(core, caller, request, key),
      list: () => listClients(core, caller),
      show: (request) => showClient(core, caller, request),
      rotate: (request, key = null) => rotateClient(core, caller, request, key),
      retire: (request, key = null) => retireClient(core, caller, request, key),
      suspend: (request, key = null) => suspendClient(core, caller, request, key),
      resume: (request, key = null) => resumeClient(core, caller, request, key),
      restrict: (request, key = null) => restrictClient(core, caller, request, key),
      lift: (request, key = null) => liftClient(core, caller, request, key),
      expire: (request, key = null) => expireClient(core, caller, request, key),
      admit: (request, key = null) => admitClient(core, caller, request, key),
      revoke: (request, key = null) => revokeClient(core, caller, request, key),
    },
    policy: {
      show: () => showPolicy(core, caller),
      diff: (request) => diffPolicy(core, caller, request),
      apply: (request, key = null) => requestPolicy(core, caller, request, key),
      explain: (request) => explainClient(core, caller, request),
    },
    audit: {
      verify: verifyLog,
      key: () => logKey(core, caller, rowsKey),
      rotateKey: () => rotateLogKey(core, caller),
      checkpoint: (request = {}) => newestCheckpoint(core, caller, request, rowsKey),
      events: (request) => readEvents(core, caller, request, rowsKey),
      prove: (request) => proveEvent(core, caller, request, rowsKey),
    },
  };
}
