/**
 * Owns what this tab has to say about messages, until it was handed to an open connection. Lines
 * are batched, said once, and said again when the connection broke right after: the node counts a
 * line only once. Never decides what is worth a receipt.
 */

import { isRecord } from "./message.js";
import { Timer } from "./timer.js";

/**
 * @typedef {object} Line
 * @property {string} message
 * @property {number} revision
 * @property {"received" | "displayed" | "clicked" | "dismissed" | "suppressed"} stage
 * @property {string} [action]
 * @property {string} [reason]
 * @property {number} at in the node's milliseconds
 */

/** One frame per quarter second at most, as the node flushes at that pace too. */
const BATCH_MS = 250;
/** Lines that wait; beyond, the oldest `received` go first, since the node can do without. */
const MAX_WAITING = 500;
/** Lines known to be said; far more than a page sees. */
const MAX_SAID = 5_000;
/** Characters per frame: well under the node's 16 KiB, whatever the ids look like. */
const MAX_CHARS = 4_000;
/** Lines handed over so recently may have died with the connection (heartbeat and grace). */
const UNSURE_MS = 35_000;

export class Receipts {
  #env;
  #send;
  /** @type {Line[]} */
  #waiting = [];
  /** @type {{ line: Line, at: number }[]} */
  #handed = [];
  /** @type {Set<string>} */
  #said = new Set();
  #timer;

  /**
   * @param {import("./environment.js").Environment} env
   * @param {(frame: object) => boolean} send false when there is no open connection
   */
  constructor(env, send) {
    this.#env = env;
    this.#send = send;
    this.#timer = new Timer(env);
  }

  /** @param {Line} line */
  add(line) {
    const key = keyOf(line);
    if (this.#said.has(key)) return;
    this.#said.add(key);
    if (this.#said.size > MAX_SAID) this.#said.delete(/** @type {string} */ (this.#said.values().next().value));
    this.#waiting.push(line);
    this.#bound();
    if (!this.#timer.isSet) this.#timer.set(BATCH_MS, () => this.flush());
  }

  /** Hand over what waits, now. */
  flush() {
    this.#timer.clear();
    while (this.#waiting.length > 0) {
      const batch = this.#batch();
      if (!this.#send({ type: "receipt", receipts: batch })) return;
      this.#waiting.splice(0, batch.length);
      const at = this.#env.now();
      this.#handed = this.#handed.filter((entry) => at - entry.at < UNSURE_MS);
      batch.forEach((line) => this.#handed.push({ line, at }));
    }
  }

  /** The connection broke: what was handed over last is said again on the next one. */
  onLost() {
    this.#waiting.unshift(...this.#unsure());
    this.#handed = [];
    this.#bound();
  }

  /** A new session: the node wants to hear from it what it received. */
  onSession() {
    const waiting = new Set(this.#waiting.map(keyOf));
    for (const key of this.#said) if (key.startsWith("received ") && !waiting.has(key)) this.#said.delete(key);
  }

  /**
   * Keep what the node may not know yet for the next page of this tab.
   *
   * @param {string | null} user
   */
  keep(user) {
    const lines = [...this.#unsure(), ...this.#waiting];
    this.#env.keep.write(lines.length > 0 ? JSON.stringify({ user, lines }) : null);
  }

  /**
   * Say what the page before this one could not.
   *
   * @param {string} user
   * @returns {Line[]}
   */
  recall(user) {
    const kept = parseKept(this.#env.keep.read());
    this.#env.keep.write(null);
    const lines = kept.user === user && Array.isArray(kept.lines) ? kept.lines.filter(isRecord) : [];
    lines.forEach((line) => this.add(/** @type {Line} */ (line)));
    return /** @type {Line[]} */ (lines);
  }

  /** Forget everything: somebody else signed in. */
  clear() {
    this.#waiting = [];
    this.#handed = [];
    this.#said.clear();
  }

  #unsure() {
    const oldest = this.#env.now() - UNSURE_MS;
    return this.#handed.filter((entry) => entry.at > oldest).map((entry) => entry.line);
  }

  #batch() {
    let chars = 0;
    const end = this.#waiting.findIndex((line) => (chars += JSON.stringify(line).length) > MAX_CHARS);
    return this.#waiting.slice(0, end < 0 ? undefined : Math.max(end, 1));
  }

  #bound() {
    while (this.#waiting.length > MAX_WAITING) {
      const spare = this.#waiting.findIndex((line) => line.stage === "received");
      this.#waiting.splice(Math.max(spare, 0), 1);
    }
  }
}

/**
 * @param {string | null} text
 * @returns {Record<string, any>} nothing, where somebody else wrote in its place
 */
function parseKept(text) {
  try {
    const kept = JSON.parse(text ?? "{}");
    return isRecord(kept) ? kept : {};
  } catch {
    return {};
  }
}

/** @param {Line} line */
function keyOf(line) {
  return `${line.stage} ${line.revision} ${line.action ?? ""} ${line.message}`;
}
