/**
 * Owns what screen readers are told. The two regions are on the page before there is anything to
 * say (WCAG 4.1.3), and only what is critical interrupts. Never moves the focus.
 */

import { make } from "./dom.js";

/** A region that changes in the moment it is found is not read by every screen reader. */
const SETTLE_MS = 150;
/** Read by then; what stays would be found again by those who browse the page. */
const CLEAR_MS = 10_000;

export class Announcer {
  #polite = make("div", { class: "unseen", role: "status", "aria-live": "polite", "aria-atomic": "true" });
  #urgent = make("div", { class: "unseen", role: "alert", "aria-live": "assertive", "aria-atomic": "true" });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {{ text: string, isUrgent: boolean } | null} */
  #pending = null;

  get regions() {
    return [this.#polite, this.#urgent];
  }

  /**
   * @param {string} text
   * @param {boolean} isUrgent
   */
  say(text, isUrgent) {
    this.#pending = { text, isUrgent };
    this.onVisible();
  }

  /** Nobody hears a tab in the background: what was said there is said when it comes to the front. */
  onVisible() {
    if (!this.#pending || document.visibilityState === "hidden") return;
    const { text, isUrgent } = this.#pending;
    this.#pending = null;
    this.clear();
    this.#timer = setTimeout(() => {
      (isUrgent ? this.#urgent : this.#polite).textContent = text;
      this.#timer = setTimeout(() => this.clear(), CLEAR_MS);
    }, SETTLE_MS);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#polite.textContent = "";
    this.#urgent.textContent = "";
  }
}
