import { AnchorFailed } from '../vault/anchor.ts';

/**
 * Work on a file system that may not answer, as one that is mounted from elsewhere. It holds a thread of the process until the
 * system gives it back, so that no second is lost to the same place meanwhile.
 * @param limit in milliseconds
 */
export function patient(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let isStuck = false;
  return async (work) => {
    if (isStuck) throw new AnchorFailed('it has not answered what it was asked before');
    isStuck = true;
    const done = work().finally(() => {
      isStuck = false;
    });
    const late = new Promise<never>((_, reject) => {
      AbortSignal.timeout(limit).addEventListener('abort', () =>
        reject(new AnchorFailed('it did not answer in time')),
      );
    });
    // Whichever comes second is nobody's any more.
    late.catch(() => undefined);
    done.catch(() => undefined);
    return Promise.race([done, late]);
  };
}
