import type { Caller } from '../call.ts';
import type { Origin } from '../commit/event.ts';
import type { Actor } from './clients.ts';

/**
 * Whoever runs a command on the host. Its name is the operating system's claim, and its duties are those of custodian
 * and auditor: it holds no grant on data.
 */
export function hostCaller(user: string, request: string): Caller {
  const duty = (action: 'clients' | 'policy' | 'audit') => ({ action, pattern: '*', purpose: null });
  const actor: Actor = {
    stamp: { id: `host:${user}`, kind: 'host' },
    name: `host:${user}`,
    grants: [duty('clients'), duty('policy'), duty('audit')],
    written: ['clients:*', 'policy:*', 'audit:*'],
    restrictions: [],
    expiresAt: null,
  };
  const origin: Origin = { via: 'cli', to: 'caller', from: null, request, trace: null };
  return { who: () => actor, origin };
}
