import type { Logger } from 'pino';
import type { RequestLine } from './http/verb.ts';
import type { WitnessLine } from './witness/app.ts';

/** One line a request. Of an unexpected error only its name and where it was thrown: a message may quote data. */
export function requestLogger(logger: Logger): (line: RequestLine) => void {
  // Key by key: what a rest pattern leaves is an object of the slow kind, and doubles what a line costs.
  return ({ requestId, method, route, status, ms, code, fault, failure }) => {
    const line = { requestId, method, route, status, code, fault, ms: Math.round(ms * 10) / 10 };
    if (failure === undefined) logger.info(line, 'request');
    else logger.error({ ...line, ...whereThrown(failure) }, 'request failed');
  };
}

/** One line for what was asked of a witness. What somebody should look at does not wait for the next lines. */
export function witnessLogger(logger: Logger): (line: WitnessLine) => void {
  return ({ failure, ...line }) => {
    if (failure !== undefined) logger.error({ ...line, ...whereThrown(failure) }, 'request failed');
    else if (line.noted === undefined && line.status !== 503) return logger.info(line, 'request');
    else
      logger.warn(
        line,
        line.noted === undefined ? 'the clock is set back' : 'a log contradicts what was seen',
      );
    logger.flush();
  };
}

function whereThrown(failure: unknown): { readonly error: string; readonly at: readonly string[] } {
  if (!(failure instanceof Error)) return { error: typeof failure, at: [] };
  const frames = (failure.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return { error: failure.name, at: frames.slice(0, 8).map((line) => line.trim()) };
}
