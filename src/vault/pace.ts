import { VaultError } from './error.ts';

/** How seldom the operator is told of a store that fails, in milliseconds: it fails for every caller. */
const SELDOM = 10_000;

/** Tells now, and not again for a while. */
export function seldom<T>(now: () => number, tell: (what: T) => void): (what: T) => void {
  let told = Number.NEGATIVE_INFINITY;
  return (what) => {
    const at = now();
    if (Math.abs(at - told) < SELDOM) return;
    told = at;
    tell(what);
  };
}

/** Work that holds much for long is done for one caller at a time; others are told to come again. */
export function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let isBusy = false;
  return async (work) => {
    if (isBusy) throw new VaultError('unavailable');
    isBusy = true;
    try {
      return await work();
    } finally {
      isBusy = false;
    }
  };
}
