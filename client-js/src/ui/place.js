/**
 * Owns where the banner sits: the first thing on the page, as wide as the page, pushing the rest
 * down. The host page's own styles are never written to; what the page must know of the banner (its
 * height, for focus that must not hide beneath it) is a rule of no weight in a sheet of its own.
 */

import { makeSheet } from "./sheet.js";

/**
 * @param {HTMLElement} host
 * @param {HTMLElement} target
 * @param {boolean} isSticky
 * @returns {() => void} the way to take it off again
 */
export function place(host, target, isSticky) {
  const root = /** @type {ShadowRoot} */ (host.shadowRoot);
  target.prepend(host);
  root.adoptedStyleSheets.push(makeSheet(outdent(target)));
  const clear = isSticky && target === document.body ? keepFocusClear(host) : () => {};
  return () => {
    clear();
    host.remove();
  };
}

/**
 * A page with a margin still has its banner from edge to edge.
 *
 * @param {HTMLElement} target
 */
function outdent(target) {
  const { marginTop, marginLeft, marginRight, paddingTop, paddingLeft, paddingRight } = getComputedStyle(target);
  const isBody = target === document.body;
  const sum = (/** @type {string} */ padding, /** @type {string} */ margin) =>
    -(parseFloat(padding) + (isBody ? parseFloat(margin) : 0));
  const top = sum(paddingTop, marginTop);
  const rule = `margin: ${top}px ${sum(paddingRight, marginRight)}px ${-top}px ${sum(paddingLeft, marginLeft)}px;`;
  return `:host { ${rule} }`;
}

/**
 * WCAG 2.4.11: what has the focus must not be hidden beneath a sticky banner.
 *
 * @param {HTMLElement} host
 */
function keepFocusClear(host) {
  const sheet = makeSheet("");
  document.adoptedStyleSheets.push(sheet);
  const observer = new ResizeObserver(() => {
    sheet.replaceSync(`:where(html) { scroll-padding-block-start: ${Math.ceil(host.offsetHeight)}px; }`);
  });
  observer.observe(host);
  return () => {
    observer.disconnect();
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  };
}
