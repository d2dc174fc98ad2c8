/**
 * Owns the node's time as seen from here, so that a device with a wrong clock still takes a banner
 * off when it expires. Never sets a timer.
 *
 * It counts on the monotonic clock, which nobody can set, and adds what the wall clock went ahead
 * since: on many devices the monotonic clock stands still during sleep. Every `now` from the node is
 * a little old when it arrives, so of several estimates the latest is the best one; half of the
 * round trip makes up for the rest.
 */

/** How many estimates are kept; older ones no longer count, since clocks drift. */
const SAMPLES = 8;
/** A slow answer to `connect` is mostly the node's own work, not the way back. */
const MAX_HALF_TRIP_MS = 500;
/** The wall clock went ahead by more than a busy page can explain. */
const SLEEP_MS = 2_000;

export class ServerClock {
  #env;
  /** @type {number[]} */
  #samples;
  #halfTrip = 0;
  /** How far the wall clock was ahead of the monotonic one when the node last told the time. */
  #lead;

  /** @param {Pick<import("./environment.js").Environment, "now" | "monotonic">} env */
  constructor(env) {
    this.#env = env;
    this.#lead = env.now() - env.monotonic();
    this.#samples = [this.#lead];
  }

  /** The node's time now, in milliseconds since the epoch. */
  now() {
    return this.#env.monotonic() + Math.max(...this.#samples) + this.#halfTrip + Math.max(this.#ahead(), 0);
  }

  /** True when the device slept, or somebody set its clock ahead: ask the node. */
  get isInDoubt() {
    return this.#ahead() > SLEEP_MS;
  }

  /**
   * A new connection said what time it is, `tripMs` after it was asked.
   *
   * @param {unknown} nodeNow
   * @param {number} tripMs
   */
  restart(nodeNow, tripMs) {
    if (!this.sample(nodeNow)) return;
    this.#samples = this.#samples.slice(-1);
    this.#halfTrip = Math.min(tripMs / 2, MAX_HALF_TRIP_MS);
  }

  /**
   * @param {unknown} nodeNow
   * @returns {boolean} false when that is not a time
   */
  sample(nodeNow) {
    if (!Number.isFinite(nodeNow)) return false;
    this.#lead += this.#ahead();
    this.#samples = [...this.#samples, Number(nodeNow) - this.#env.monotonic()].slice(-SAMPLES);
    return true;
  }

  #ahead() {
    return this.#env.now() - this.#env.monotonic() - this.#lead;
  }
}
