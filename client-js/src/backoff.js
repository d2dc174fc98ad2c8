/**
 * Owns how long to wait before dialling again: full jitter between 0.5 and 30 s, so that ten
 * thousand clients that lost the same node do not return in the same moment. Never sets a timer.
 */

/** No wait is shorter, so that a node that refuses at once is not hammered. */
const FLOOR_MS = 500;
/** The first wait is drawn from up to here; the span doubles with each failure. */
const FIRST_CEILING_MS = 2_000;
/** No wait is longer: a node that is back is found within half a minute. */
const CEILING_MS = 30_000;

export class Backoff {
  #failures = 0;
  #random;

  /** @param {() => number} random */
  constructor(random) {
    this.#random = random;
  }

  /**
   * The next wait in milliseconds. A tab that nobody sees draws from the whole span at once.
   *
   * @param {boolean} isHidden
   */
  next(isHidden) {
    const ceiling = isHidden ? CEILING_MS : Math.min(CEILING_MS, FIRST_CEILING_MS * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(FLOOR_MS + this.#random() * (ceiling - FLOOR_MS));
  }

  /** Begin with short waits again. */
  reset() {
    this.#failures = 0;
  }
}
