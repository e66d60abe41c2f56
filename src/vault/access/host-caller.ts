import type { Caller } from '../call.ts';
import type { Origin } from '../commit/event.ts';
import { DUTIES, type Duty } from '../policy/decide.ts';
import { grantText } from '../policy/grant.ts';
import type { Actor } from './clients.ts';

/**
 * Whoever runs a command on the host. Its name is the operating system's claim, and its duties are those of custodian
 * and auditor: it holds no grant on data.
 */
export function hostCaller(user: string, request: string): Caller {
  const duty = (action: Duty) => ({ action, pattern: '*', purpose: null });
  const actor: Actor = {
    stamp: { id: `host:${user}`, kind: 'host' },
    name: `host:${user}`,
    grants: DUTIES.map(duty),
    written: DUTIES.map((action) => grantText(duty(action))),
    restrictions: [],
    expiresAt: null,
  };
  const origin: Origin = { via: 'cli', to: 'caller', from: null, request, trace: null };
  return { who: () => actor, origin };
}
