/**
 * Owns how a banner looks. A constructed style sheet: allowed under a Content-Security-Policy that
 * forbids inline styles, and parsed once for all banners of a page.
 *
 * For apps: `--inapp-font`, `--inapp-z-index`, `--inapp-banner-<look>-background` and `-text`, and
 * the parts `banner`, `title`, `body`, `action`, `close`.
 */

import { PALETTE } from "./palette.js";

/** WCAG 2.5.5: a target is at least 44 by 44. */
export const TARGET_PX = 44;

const LAYOUT = `
:host {
  all: initial;
  display: block;
  flex: none;
  grid-column: 1 / -1;
  align-self: stretch;
  color-scheme: inherit;
  container-type: inline-size;
  font-family: var(--inapp-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
  font-size: 1rem;
  line-height: 1.45;
  text-align: left;
  -webkit-text-size-adjust: 100%;
}
:host([dir="rtl"]) { text-align: right; }
:host([data-theme="light"]) { color-scheme: light; }
:host([data-theme="dark"]) { color-scheme: dark; }
:host([data-position="sticky"]) {
  position: sticky;
  inset-block-start: 0;
  z-index: var(--inapp-z-index, 2147483000);
}
[hidden] { display: none !important; }
.unseen {
  position: absolute;
  inline-size: 1px;
  block-size: 1px;
  margin: -1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
.banner {
  box-sizing: border-box;
  position: relative;
  display: grid;
  grid-template-columns: auto minmax(0, 1fr) auto auto;
  align-items: start;
  column-gap: 0.75rem;
  max-block-size: 60vh;
  overflow: auto;
  overscroll-behavior: contain;
  padding-block: 0.375rem;
  padding-inline: max(1rem, env(safe-area-inset-left)) max(0.5rem, env(safe-area-inset-right));
  background: var(--look-background);
  color: var(--look-text);
  border-block-end: 1px solid color-mix(in srgb, var(--look-text) 22%, transparent);
}
.icon { inline-size: 1.375rem; block-size: 1.375rem; margin-block-start: 0.6875rem; }
svg { display: block; inline-size: 100%; block-size: 100%; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.words { padding-block: 0.625rem; min-inline-size: 0; overflow-wrap: anywhere; }
.words p, .words ul, .words ol { margin: 0; }
p, li, a, button, time, .body, .status, .pager span { unicode-bidi: plaintext; }
.title { font-weight: 650; }
.status {
  display: inline-block;
  padding-inline: 0.5rem;
  border: 1px solid currentColor;
  border-radius: 1rem;
  font-size: 0.8125rem;
  font-weight: 600;
  line-height: 1.5;
  white-space: nowrap;
}
.body > p + p, .body > ul, .body > ol, .body > * + p { margin-block-start: 0.25rem; }
.body ul, .body ol { padding-inline-start: 1.25rem; }
.stale { display: flex; align-items: center; gap: 0.5rem; margin-block-start: 0.375rem; font-size: 0.875rem; font-style: italic; }
.stale::before { content: ""; flex: none; inline-size: 0.5rem; block-size: 0.5rem; border: 2px dashed currentColor; border-radius: 50%; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.9em; padding-inline: 0.25em; border-radius: 0.25em; background: color-mix(in srgb, currentColor 12%, transparent); }
a { color: inherit; text-decoration: underline; text-underline-offset: 0.15em; }
.foot, .actions, .pager { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.5rem; }
button, .action {
  box-sizing: border-box;
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-inline-size: ${TARGET_PX}px;
  min-block-size: ${TARGET_PX}px;
  margin: 0;
  padding: 0.25rem 0.75rem;
  border: 1px solid transparent;
  border-radius: 0.5rem;
  background: transparent;
  color: inherit;
  font: inherit;
  font-weight: 600;
  text-decoration: none;
  cursor: pointer;
  touch-action: manipulation;
}
.action { border-color: currentColor; }
button:hover, .action:hover { background: color-mix(in srgb, currentColor 14%, transparent); }
a:focus-visible, button:focus-visible, .banner:focus-visible { outline: 2px solid currentColor; outline-offset: -4px; }
.words a:focus-visible { outline-offset: 2px; border-radius: 2px; }
.updates > button { padding-inline: 0.625rem; margin-inline: -0.625rem; }
.updates > button::after {
  content: "";
  inline-size: 0.4375rem;
  block-size: 0.4375rem;
  margin-inline-start: 0.5rem;
  margin-block-start: -0.25rem;
  border: solid currentColor;
  border-width: 0 2px 2px 0;
  rotate: 45deg;
}
.updates > button[aria-expanded="true"]::after { margin-block-start: 0.25rem; rotate: 225deg; }
.updates { font-size: 0.9375rem; }
.updates ol { list-style: none; padding-inline-start: 0.875rem; border-inline-start: 2px solid currentColor; }
.updates li + li { margin-block-start: 0.5rem; }
.updates time { opacity: 0.92; font-variant-numeric: tabular-nums; }
.pager { flex-wrap: nowrap; gap: 0; white-space: nowrap; font-variant-numeric: tabular-nums; font-size: 0.9375rem; }
.pager button, .close { padding: 0; inline-size: ${TARGET_PX}px; }
.pager svg, .close svg { inline-size: 1.25rem; block-size: 1.25rem; }
:host([dir="rtl"]) .pager svg { scale: -1 1; }
@container (max-width: 48rem) {
  .banner { grid-template-columns: auto minmax(0, 1fr) auto; }
  .close { grid-area: 1 / 3; }
  .foot { grid-area: 2 / 2 / auto / span 2; justify-content: space-between; }
  .foot:has(> .actions:not([hidden])) { padding-block-end: 0.375rem; }
  .actions[hidden] + .pager { margin-inline-start: -0.75rem; }
}
@container (max-width: 24rem) {
  .banner { column-gap: 0.5rem; padding-inline-start: 0.75rem; }
}
@media (max-height: 30rem) {
  :host([data-position="sticky"]) { position: static; }
}
@media (prefers-reduced-motion: no-preference) {
  .banner { animation: enter 180ms ease-out; }
  @keyframes enter { from { opacity: 0; transform: translateY(-0.5rem); } }
}
@media (forced-colors: active) {
  .banner { border-block-end: 3px solid CanvasText; }
  button, .action { border-color: ButtonText; }
}
@media print { :host { display: none; } }
`;

/** One rule per look; `light-dark()` follows the page's own `color-scheme`. */
function looks() {
  return Object.entries(PALETTE).map(([look, { light, dark }]) => {
    const background = `var(--inapp-banner-${look}-background, light-dark(${light.background}, ${dark.background}))`;
    const text = `var(--inapp-banner-${look}-text, light-dark(${light.text}, ${dark.text}))`;
    return `.banner[data-look="${look}"] { --look-background: ${background}; --look-text: ${text}; }`;
  });
}

/** @type {CSSStyleSheet | undefined} */
let shared;

export function bannerSheet() {
  shared ??= makeSheet([LAYOUT, ...looks()].join("\n"));
  return shared;
}

/** @param {string} css */
export function makeSheet(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}
