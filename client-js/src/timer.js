/** Owns one delayed call: setting it anew takes the place of the one before. */

export class Timer {
  #env;
  /** @type {any} */
  #handle;

  /** @param {Pick<import("./environment.js").Environment, "setTimer" | "clearTimer">} env */
  constructor(env) {
    this.#env = env;
  }

  /** True from `set` until it ran or was cleared. */
  get isSet() {
    return this.#handle !== undefined;
  }

  /**
   * @param {number} delayMs
   * @param {() => void} run
   */
  set(delayMs, run) {
    this.clear();
    this.#handle = this.#env.setTimer(() => {
      this.#handle = undefined;
      run();
    }, delayMs);
  }

  clear() {
    if (this.isSet) this.#env.clearTimer(this.#handle);
    this.#handle = undefined;
  }
}
