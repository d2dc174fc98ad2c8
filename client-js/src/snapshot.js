/** Owns what the app sees at once: frozen, so that nobody can change it for somebody else. */

import { inOrder } from "./slot.js";

/** @typedef {import("./message.js").Message} Message */

/**
 * What is so right now. Frozen; a new object whenever something changed.
 *
 * @typedef {object} Snapshot
 * @property {import("./connection.js").ConnectionState} connection
 * @property {string | null} user
 * @property {boolean} isStale the connection has been gone for a while: what is shown may be out of date
 * @property {readonly Message[]} messages all in force, of every kind
 * @property {readonly Message[]} banners in order: worst first, then by priority, then newest
 * @property {import("./slot.js").Slot | null} slot the banner to show, and which of how many it is
 * @property {number} unread the number on the bell
 */

/**
 * @param {Pick<Snapshot, "connection" | "user" | "isStale" | "unread">} standing
 * @param {Message[]} messages
 * @param {import("./slot.js").SlotChoice} choice
 * @returns {Snapshot}
 */
export function makeSnapshot(standing, messages, choice) {
  const banners = inOrder(messages);
  const slot = choice.of(banners);
  return Object.freeze({
    ...standing,
    messages: Object.freeze(messages),
    banners: Object.freeze(banners),
    slot: slot && Object.freeze(slot),
  });
}
