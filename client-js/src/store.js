/**
 * Owns which messages are in force in this tab: the highest revision of each, what must never come
 * back, and what has expired. Decides with plain values; never sets a timer and never sends.
 *
 * Rule 1: of one id only the highest revision counts, in whatever order revisions arrive.
 * Rule 2: what was taken off for good stays off, whichever snapshot or late frame still holds it.
 * Rule 3: a dismissal holds until a later revision asks for attention.
 */

import { expiresAt } from "./message.js";

/** @typedef {import("./message.js").Message} Message */

/** After these, the revision that was named, and any before it, never comes back. */
const FOR_GOOD = new Set(["retracted", "resolved", "expired", "superseded"]);
/** Ids remembered as gone or dismissed; far more than are ever live at once. */
const MEMORY = 1_000;

export class Store {
  /** @type {Map<string, Message>} */
  #messages = new Map();
  /** @type {Map<string, number>} id → highest revision that is gone */
  #gone = new Map();
  /** @type {Map<string, number>} id → highest revision that was dismissed */
  #dismissed = new Map();

  /** @returns {Message[]} */
  get messages() {
    return [...this.#messages.values()];
  }

  /** @param {string} id */
  get(id) {
    return this.#messages.get(id);
  }

  /**
   * Put a message on, or change it in place.
   *
   * @param {Message} message
   * @param {number} now
   * @returns {"new" | "same" | "old" | "stale"} `stale`: it had expired before it arrived
   */
  put(message, now) {
    const held = this.#messages.get(message.id);
    if (held && held.revision >= message.revision) return held.revision === message.revision ? "same" : "old";
    if (this.#isOver(message)) return "old";
    if (expiresAt(message) <= now) {
      this.#end(message.id, message.revision);
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
    if (reason === "dismissed_elsewhere") remember(this.#dismissed, id, revision);
    if (FOR_GOOD.has(reason)) remember(this.#gone, id, revision);
    const held = this.#messages.get(id);
    if (!held || (held.revision > revision && !this.#isOver(held))) return undefined;
    this.#messages.delete(id);
    return held;
  }

  /**
   * @param {string} id
   * @param {number} [revision] of a dismissal that was made before this page was loaded
   * @returns {Message | undefined} what came off the screen
   */
  dismiss(id, revision) {
    const held = this.#messages.get(id);
    remember(this.#dismissed, id, revision ?? held?.revision ?? 0);
    this.#messages.delete(id);
    return held;
  }

  /**
   * Take off what has ended by now.
   *
   * @param {number} now
   * @returns {Message[]}
   */
  expire(now) {
    const over = this.messages.filter((message) => expiresAt(message) <= now);
    over.forEach((message) => this.#end(message.id, message.revision));
    return over;
  }

  /** When the next message ends, in the node's milliseconds. */
  nextExpiry() {
    return Math.min(Infinity, ...this.messages.map(expiresAt));
  }

  /** Forget everything: somebody else signed in. */
  clear() {
    this.#messages.clear();
    this.#gone.clear();
    this.#dismissed.clear();
  }

  /** @param {Message} message */
  #isOver(message) {
    const { id, revision } = message;
    if (revision <= (this.#gone.get(id) ?? -1)) return true;
    return (message.attention ?? revision) <= (this.#dismissed.get(id) ?? -1);
  }

  /**
   * @param {string} id
   * @param {number} revision
   */
  #end(id, revision) {
    remember(this.#gone, id, revision);
    this.#messages.delete(id);
  }
}

/**
 * @param {Map<string, number>} memory
 * @param {string} id
 * @param {number} revision
 */
function remember(memory, id, revision) {
  const highest = Math.max(revision, memory.get(id) ?? revision);
  memory.delete(id);
  memory.set(id, highest);
  if (memory.size > MEMORY) memory.delete(/** @type {string} */ (memory.keys().next().value));
}
