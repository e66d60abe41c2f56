import { answerHeaders, problem } from './problem.ts';
import type { Mounting } from './verb.ts';

/** A commit of nothing must be durable within this time, in milliseconds. */
const PATIENCE = 1000;
/** `/livez`: the process answers. `/readyz`: it can do its work; why not is in the log, not in the answer. */
export function mountHealth({ app, vault, nextId, now, log }: Mounting): void {
  const isReady = shared(() => inTime(vault.ready()));

  const answer = (route: string, started: number, fault: string | null, status: string): Response => {
    const requestId = nextId();
    const line = { requestId, method: 'GET', route, ms: now() - started };
    if (fault !== null) {
      const response = problem('unavailable', requestId);
      log({ ...line, status: response.status, code: 'unavailable', fault });
      return response;
    }
    log({ ...line, status: 200 });
    return new Response(`{"status":"${status}"}`, { headers: answerHeaders(requestId) });
  };

  app.get('/livez', () => answer('/livez', now(), null, 'live'));
  app.get('/readyz', async () => {
    const started = now();
    return answer('/readyz', started, await isReady(), 'ready');
  });
}

/** Whoever asks while a try is under way gets that one's answer: many who ask at once cost one commit. */
export function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let trying: Promise<T> | null = null;
  return () => {
    trying ??= ask().finally(() => {
      trying = null;
    });
    return trying;
  };
}

function inTime(answer: Promise<string | null>): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('the store did not commit in time'), PATIENCE);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
