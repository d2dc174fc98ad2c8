/**
 * Owns what a banner says: title, body, incident status and updates, and the actions, as elements.
 * Knows nothing of the frame around it, and never acts on a click by itself.
 */

import { isResolved } from "../message.js";
import { make } from "./dom.js";
import { renderBody, renderLink, textOf } from "./nodes.js";
import { fill } from "./strings.js";

/** @typedef {import("../message.js").Message} Message */
/** @typedef {import("../message.js").Action} Action */
/** @typedef {import("./strings.js").Strings} Strings */

/** Between status and title: a margin would stand on the wrong side of a title that runs the other way. */
const EN_SPACE = "\u2002";

/**
 * How a message looks; what is over looks so, whatever it was.
 *
 * @param {Message} message
 */
export function lookOf(message) {
  return isResolved(message) ? "resolved" : message.severity;
}

/**
 * The one line that a screen reader is told.
 *
 * @param {Message} message
 * @param {Strings} strings
 */
export function summary(message, strings) {
  const { title, body } = message.content;
  const lead = [severityLabel(message, strings), statusLabel(message, strings)];
  const latest = message.incident?.updates.at(-1);
  const words = [...lead, title, textOf(body), latest && textOf(latest.body)];
  return words.filter(Boolean).map((text) => `${text}`.replace(/[.:]$/, "")).join(". ");
}

/**
 * @param {Message} message
 * @param {Strings} strings
 * @param {(href: string | undefined) => void} onLink
 */
export function renderWords(message, strings, onLink) {
  const words = document.createDocumentFragment();
  const { title, body } = message.content;
  const status = statusLabel(message, strings);
  const head = make("p", { class: "title", part: "title" });
  head.append(make("span", { class: "unseen" }, `${severityLabel(message, strings)}: `));
  if (status) head.append(make("span", { class: "status" }, status), EN_SPACE);
  head.append(title ?? "");
  words.append(head);
  if (body.length > 0) {
    const block = make("div", { class: "body", part: "body" });
    block.append(renderBody(body, (label, href) => link(label, href, strings, onLink)));
    words.append(block);
  }
  return words;
}

/**
 * @param {Message} message
 * @param {Strings} strings
 * @param {string | undefined} locale
 * @param {(href: string | undefined) => void} onLink
 */
export function renderUpdates(message, strings, locale, onLink) {
  const updates = message.incident?.updates ?? [];
  return updates.toReversed().map(({ at, status, body }) => {
    const head = make("p", {}, make("strong", {}, label(status, strings)), " ", renderTime(at, locale));
    const block = make("div", { class: "body" });
    block.append(renderBody(body, (children, href) => link(children, href, strings, onLink)));
    return make("li", {}, head, block);
  });
}

/**
 * What can be chosen. An action that could do nothing is left out.
 *
 * @param {Message} message
 * @param {Strings} strings
 * @returns {{ action: Action, element: HTMLElement }[]}
 */
export function renderActions(message, strings) {
  return message.content.actions.flatMap((action) => {
    const element = renderAction(action, message, strings);
    if (!element) return [];
    element.classList.add("action");
    element.setAttribute("part", "action");
    return [{ action, element }];
  });
}

/**
 * @param {Action} action
 * @param {Message} message
 * @param {Strings} strings
 */
function renderAction(action, message, strings) {
  if (action.href !== undefined) {
    const anchor = renderLink([document.createTextNode(action.label)], action.href, strings.newWindow);
    return anchor instanceof HTMLAnchorElement ? anchor : null;
  }
  if (action.intent === "open" || (action.intent === "dismiss" && !message.dismissible)) return null;
  return make("button", { type: "button" }, action.label);
}

/**
 * @param {globalThis.Node[]} children
 * @param {string | undefined} href
 * @param {Strings} strings
 * @param {(href: string | undefined) => void} onLink
 */
function link(children, href, strings, onLink) {
  const made = renderLink(children, href, strings.newWindow);
  if (made instanceof HTMLAnchorElement) made.addEventListener("click", () => onLink(href));
  return made;
}

/**
 * @param {string} at
 * @param {string | undefined} locale
 */
function renderTime(at, locale) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  const isToday = date.toDateString() === new Date().toDateString();
  const text = date.toLocaleString(fairLocale(locale), { dateStyle: isToday ? undefined : "medium", timeStyle: "short" });
  return make("time", { datetime: date.toISOString() }, text);
}

/**
 * A page may say `en_US`, or anything else; a date must not fail for it.
 *
 * @param {string | undefined} locale
 */
function fairLocale(locale) {
  try {
    return Intl.getCanonicalLocales(locale?.replaceAll("_", "-"));
  } catch {
    return undefined;
  }
}

/**
 * @param {Message} message
 * @param {Strings} strings
 */
function severityLabel(message, strings) {
  return isResolved(message) ? "" : strings[`severity_${message.severity}`];
}

/**
 * @param {Message} message
 * @param {Strings} strings
 */
function statusLabel(message, strings) {
  return message.incident ? label(message.incident.status, strings) : "";
}

/**
 * @param {string} status
 * @param {Strings} strings
 */
function label(status, strings) {
  const known = /** @type {Record<string, string>} */ (strings);
  return known[`status_${status}`] ?? status;
}

/**
 * "2 of 3".
 *
 * @param {import("../slot.js").Slot} slot
 * @param {Strings} strings
 */
export function positionLabel(slot, strings) {
  return fill(strings.position, { index: slot.index + 1, count: slot.count });
}
