/** Owns who wants to hear what. A listener that throws hurts nobody else. */

/**
 * `status` carries the connection's state, `action` what the user chose, `message` and `retract` the
 * message that changed and why; the others the frame of that name.
 *
 * @typedef {"status" | "action" | "message" | "retract" | "welcome" | "sync" | "unread" | "reply" | "error" | "drain" | "bye"} EventName
 */

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
