/**
 * Owns which messages are in force in this tab: the highest revision of each, what must never come
 * back, and what has expired. Decides with plain values; never sets a timer and never sends.
 *
 * Rule 1: of one id only the highest revision counts, in whatever order revisions arrive.
 * Rule 2: what was taken off for good stays off, whichever snapshot or late frame still holds it.
 * Rule 3: a dismissal holds for the revisions that were seen. The node knows which later one asks
 * for attention again, and sends no other.
 */

import { expiresAt } from "./message.js";

/** @typedef {import("./message.js").Message} Message */

/** After these, the revision that was named, and any before it, never comes back. */
const FOR_GOOD = new Set(["retracted", "resolved", "expired", "superseded", "dismissed_elsewhere"]);
/** Ids remembered; far more than are ever live at once. */
const MEMORY = 1_000;

export class Store {
  /** @type {Map<string, Message>} */
  #messages = new Map();
  /** @type {Map<string, number>} id → highest revision that is gone or was dismissed */
  #over = new Map();

  /** @returns {Message[]} */
  get messages() {
    return [...this.#messages.values()];
  }

  /** @param {string} id */
  get(id) {
    return this.#messages.get(id);
  }

  /**
   * Put a message on, or change it in place. A change that had expired on the way ends what is on
   * like any other that expires.
   *
   * @param {Message} message
   * @param {number} now
   * @returns {"new" | "same" | "old" | "stale"} `stale`: it had expired before it arrived
   */
  put(message, now) {
    const held = this.#messages.get(message.id);
    if (held && held.revision >= message.revision) return held.revision === message.revision ? "same" : "old";
    if (this.#isOver(message)) return "old";
    if (!held && expiresAt(message) <= now) {
      this.#remember(message.id, message.revision);
      return "stale";
    }
    this.#messages.set(message.id, message);
    return "new";
  }

  /**
   * Take off what a snapshot no longer holds.
   *
   * @param {Set<string>} ids
   * @returns {Message[]} what came off
   */
  keepOnly(ids) {
    const left = this.messages.filter((message) => !ids.has(message.id));
    left.forEach((message) => this.#messages.delete(message.id));
    return left;
  }

  /**
   * @param {string} id
   * @param {number} revision
   * @param {string} reason
   * @returns {Message | undefined} what came off the screen
   */
  retract(id, revision, reason) {
    if (FOR_GOOD.has(reason)) this.#remember(id, revision);
    const held = this.#messages.get(id);
    if (!held || held.revision > revision) return undefined;
    this.#messages.delete(id);
    return held;
  }

  /**
   * @param {string} id
   * @param {number} [revision] of a dismissal that was made before this page was loaded
   * @returns {Message | undefined} what came off the screen
   */
  dismiss(id, revision) {
    const upTo = revision ?? this.#messages.get(id)?.revision ?? 0;
    return this.retract(id, upTo, "dismissed_elsewhere");
  }

  /**
   * Take off what has ended by now.
   *
   * @param {number} now
   * @returns {Message[]}
   */
  expire(now) {
    const over = this.messages.filter((message) => expiresAt(message) <= now);
    over.forEach((message) => this.retract(message.id, message.revision, "expired"));
    return over;
  }

  /** When the next message ends, in the node's milliseconds. */
  nextExpiry() {
    return Math.min(Infinity, ...this.messages.map(expiresAt));
  }

  /** Forget everything: somebody else signed in. */
  clear() {
    this.#messages.clear();
    this.#over.clear();
  }

  /** @param {Message} message */
  #isOver(message) {
    return message.revision <= (this.#over.get(message.id) ?? -1);
  }

  /**
   * @param {string} id
   * @param {number} revision
   */
  #remember(id, revision) {
    const highest = Math.max(revision, this.#over.get(id) ?? revision);
    this.#over.delete(id);
    this.#over.set(id, highest);
    if (this.#over.size > MEMORY) this.#over.delete(/** @type {string} */ (this.#over.keys().next().value));
  }
}
