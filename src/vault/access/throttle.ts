/** Items of which a throttled client is shown something, each minute of the clock. */
const MOST_A_MINUTE = 60;
const MINUTE = 60_000;

/**
 * What throttled clients were shown in this minute. It is kept in memory: each process counts for itself and begins at
 * nothing. An item that is decided again counts again.
 */
export class Throttle {
  #minute = 0;
  /** By client id: no more than are throttled. */
  #counts = new Map<string, number>();

  /**
   * Counts one item.
   * @returns false if the client has had what it may
   */
  take(client: string, now: number): boolean {
    const minute = Math.floor(now / MINUTE);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#counts = new Map();
    }
    const count = this.#counts.get(client) ?? 0;
    if (count >= MOST_A_MINUTE) return false;
    this.#counts.set(client, count + 1);
    return true;
  }
}
