import type { Logger } from 'pino';
import type { RequestLine } from './http/verb.ts';

/** One line a request. Of an unexpected error only its name and where it was thrown: a message may quote data. */
export function requestLogger(logger: Logger): (line: RequestLine) => void {
  return ({ failure, items: _items, ms, ...rest }) => {
    const line = { ...rest, ms: Math.round(ms * 10) / 10 };
    if (failure === undefined) logger.info(line, 'request');
    else logger.error({ ...line, ...whereThrown(failure) }, 'request failed');
  };
}

function whereThrown(failure: unknown): { readonly error: string; readonly at: readonly string[] } {
  if (!(failure instanceof Error)) return { error: typeof failure, at: [] };
  const frames = (failure.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return { error: failure.name, at: frames.slice(0, 8).map((line) => line.trim()) };
}
