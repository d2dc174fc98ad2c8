/**
 * Owns which banner has the one slot at the top of the page: the order of banners, and the user's
 * own choice among them. Decides with plain values.
 */

import { rank } from "./message.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {{ message: Message, index: number, count: number }} Slot */

/**
 * Worst first, then by priority, then the newest.
 *
 * @param {readonly Message[]} messages
 * @returns {Message[]}
 */
export function inOrder(messages) {
  return messages.filter((message) => message.kind === "banner").sort(compare);
}

export class SlotChoice {
  #id = "";
  #rank = -1;

  /**
   * The user's choice holds until it leaves or something worse arrives.
   *
   * @param {readonly Message[]} banners in order
   * @returns {Slot | null}
   */
  of(banners) {
    if (banners.length === 0) return null;
    const chosen = banners.findIndex((message) => message.id === this.#id);
    const isHeld = chosen >= 0 && rank(banners[0]) <= this.#rank;
    const index = isHeld ? chosen : 0;
    return { message: banners[index], index, count: banners.length };
  }

  /**
   * The user went `step` banners on (or back, below 0), round and round.
   *
   * @param {readonly Message[]} banners in order
   * @param {number} step
   */
  move(banners, step) {
    const slot = this.of(banners);
    if (!slot) return;
    this.#id = banners[(slot.index + step + slot.count) % slot.count].id;
    this.#rank = rank(banners[0]);
  }
}

/**
 * @param {Message} a
 * @param {Message} b
 */
function compare(a, b) {
  return rank(b) - rank(a) || b.priority - a.priority || newest(a, b) || (a.id < b.id ? -1 : 1);
}

/**
 * @param {Message} a
 * @param {Message} b
 */
function newest(a, b) {
  return (Date.parse(b.created_at ?? "") || 0) - (Date.parse(a.created_at ?? "") || 0);
}
