/** Owns who wants to hear what. A listener that throws hurts nobody else. */

export class Listeners {
  #report;
  /** @type {Map<string, Set<(detail: any) => void>>} */
  #byName = new Map();

  /** @param {(error: unknown) => void} report */
  constructor(report) {
    this.#report = report;
  }

  /**
   * @param {string} name
   * @param {(detail: any) => void} listener
   * @returns {() => void} the way to stop
   */
  add(name, listener) {
    const listeners = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, listeners.add(listener));
    return () => {
      listeners.delete(listener);
    };
  }

  /**
   * @param {string} name
   * @param {unknown} [detail]
   */
  call(name, detail) {
    for (const listener of [...(this.#byName.get(name) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
