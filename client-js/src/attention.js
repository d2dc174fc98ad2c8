/**
 * Owns the claim "displayed": a message counts only after it was drawn, in view, in a visible tab,
 * for one second without a break. Never draws.
 */

import { Timer } from "./timer.js";

/** ACCEPTANCE A1: visible for at least one second. */
const DISPLAYED_AFTER_MS = 1_000;

export class Attention {
  #env;
  #onDisplayed;
  #isVisible;
  /** @type {Map<string, { revision: number, timer: Timer }>} */
  #inView = new Map();

  /**
   * @param {import("./environment.js").Environment} env
   * @param {(id: string, revision: number) => void} onDisplayed
   */
  constructor(env, onDisplayed) {
    this.#env = env;
    this.#onDisplayed = onDisplayed;
    this.#isVisible = env.lifecycle.isVisible();
  }

  /**
   * This revision is drawn and in view.
   *
   * @param {string} id
   * @param {number} revision
   */
  show(id, revision) {
    if (this.#inView.get(id)?.revision === revision) return;
    this.hide(id);
    this.#inView.set(id, { revision, timer: new Timer(this.#env) });
    this.#start(id);
  }

  /** @param {string} id */
  hide(id) {
    this.#inView.get(id)?.timer.clear();
    this.#inView.delete(id);
  }

  /**
   * The tab came to the front or went behind: the second begins anew.
   *
   * @param {boolean} isVisible
   */
  setVisible(isVisible) {
    this.#isVisible = isVisible;
    for (const id of this.#inView.keys()) this.#start(id);
  }

  /** @param {string} id */
  #start(id) {
    const { revision, timer } = /** @type {{ revision: number, timer: Timer }} */ (this.#inView.get(id));
    timer.clear();
    if (this.#isVisible) timer.set(DISPLAYED_AFTER_MS, () => this.#onDisplayed(id, revision));
  }
}
