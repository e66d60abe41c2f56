import { answerHeaders, problem } from './problem.ts';
import type { Mounting } from './verb.ts';

/** A commit of nothing must be durable within this time, in milliseconds. */
const PATIENCE = 1000;

/** `/livez`: the process answers. `/readyz`: it can do its work; why not is in the log, not in the answer. */
export function mountHealth({ app, vault, nextId, now, log }: Mounting): void {
  const route = '/readyz';
  // Whoever asks while a try is under way gets that one's answer: asking often costs the vault nothing.
  let trying: Promise<string | null> | null = null;
  const tryOnce = (): Promise<string | null> => {
    trying ??= inTime(vault.ready()).finally(() => {
      trying = null;
    });
    return trying;
  };
  app.get('/livez', () => new Response('{"status":"live"}', { headers: answerHeaders(nextId()) }));
  app.get(route, async () => {
    const requestId = nextId();
    const started = now();
    const fault = await tryOnce();
    const status = fault === null ? 200 : 503;
    if (fault !== null)
      log({ requestId, method: 'GET', route, status, ms: now() - started, code: 'unavailable' });
    if (fault !== null) return problem('unavailable', requestId);
    return new Response('{"status":"ready"}', { headers: answerHeaders(requestId) });
  });
}

function inTime(answer: Promise<string | null>): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('the store did not commit in time'), PATIENCE);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
