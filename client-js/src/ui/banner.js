/**
 * Owns the banner on the page: one region in a shadow root, drawn from the client's snapshot and
 * changed in place. Never takes the focus; never decides what is shown.
 */

import { Announcer } from "./announcer.js";
import { lookOf, positionLabel, renderActions, renderUpdates, renderWords, summary } from "./content.js";
import { make } from "./dom.js";
import { icon } from "./icons.js";
import { place } from "./place.js";
import { bannerSheet } from "./sheet.js";
import { ENGLISH, fill } from "./strings.js";

/** @typedef {import("../gateway.js").Gateway} Gateway */
/** @typedef {import("../message.js").Message} Message */
/** @typedef {import("../slot.js").Slot} Slot */

/**
 * @typedef {object} BannerOptions
 * @property {HTMLElement} [target] what the banner becomes the first child of; default: the body
 * @property {"sticky" | "static"} [position] default: sticky
 * @property {"auto" | "light" | "dark"} [theme] default: auto, as the page's `color-scheme`
 * @property {"ltr" | "rtl"} [dir] default: the page's
 * @property {string} [locale] for times; default: the page's
 * @property {Partial<import("./strings.js").Strings>} [strings]
 */

/**
 * Draw the client's banners on this page.
 *
 * @param {Gateway} gateway
 * @param {BannerOptions} [options]
 * @returns {{ host: HTMLElement, unmount: () => void }}
 */
export function mountBanner(gateway, options = {}) {
  const view = new BannerView(gateway, options);
  return { host: view.host, unmount: () => view.unmount() };
}

class BannerView {
  host;
  #gateway;
  #strings;
  #locale;
  #announcer = new Announcer();
  #parts;
  #stop = new AbortController();
  #unplace;
  #unsubscribe;
  #observer;
  #isInView = false;
  /** @type {Message | null} */
  #shown = null;
  /** What has been announced: `id revision`. @type {Set<string>} */
  #announced = new Set();
  #wasStale = false;
  /** Where the focus was before it came here. @type {HTMLElement | null} */
  #cameFrom = null;

  /**
   * @param {Gateway} gateway
   * @param {BannerOptions} options
   */
  constructor(gateway, options) {
    const { target = document.body, position = "sticky" } = options;
    this.#gateway = gateway;
    this.#strings = { ...ENGLISH, ...options.strings };
    this.#locale = options.locale ?? (document.documentElement.lang || undefined);
    this.#parts = makeParts(this.#strings);
    this.host = makeHost(options, position, [...this.#announcer.regions, this.#parts.banner]);
    this.#unplace = place(this.host, target, position === "sticky");
    this.#listen();
    this.#observer = new IntersectionObserver(([entry]) => this.#onView(entry.isIntersecting), { threshold: 0.5 });
    this.#observer.observe(this.#parts.banner);
    this.#unsubscribe = gateway.subscribe(() => this.#render());
    this.#render();
  }

  unmount() {
    this.#unsubscribe();
    this.#observer.disconnect();
    this.#stop.abort();
    this.#announcer.clear();
    this.#onView(false);
    this.#unplace();
  }

  // -- drawing -----------------------------------------------------------------------------

  #render() {
    const { slot, isStale } = this.#gateway.getSnapshot();
    const before = this.#shown;
    this.#shown = slot?.message ?? null;
    if (before && before.id !== this.#shown?.id) this.#gateway.hide(before.id);
    if (!slot) return this.#clear();

    if (before !== slot.message) this.#draw(slot.message, before?.id === slot.message.id);
    this.#drawPager(slot);
    this.#parts.stale.hidden = !isStale;
    this.#parts.banner.hidden = false;
    this.#announce(slot.message, isStale);
    this.#onView(this.#isInView);
  }

  #clear() {
    if (this.#parts.banner.hidden) return;
    const hadFocus = this.#hasFocus();
    this.#parts.banner.hidden = true;
    this.#announcer.clear();
    if (hadFocus) this.#giveFocusBack();
  }

  /**
   * @param {Message} message
   * @param {boolean} isSame another revision of what was shown
   */
  #draw(message, isSame) {
    const { banner, icon: holder, text, list, updates, toggle, actions, close } = this.#parts;
    const hadFocus = this.#hasFocus();
    const onLink = () => this.#gateway.click(message.id, "link");
    banner.dataset.look = lookOf(message);
    if (message.locale) text.lang = list.lang = message.locale;
    holder.replaceChildren(icon(lookOf(message)));
    text.replaceChildren(renderWords(message, this.#strings, onLink));

    const lines = renderUpdates(message, this.#strings, this.#locale, onLink);
    list.replaceChildren(...lines);
    toggle.textContent = fill(this.#strings.updates, { count: lines.length });
    updates.hidden = lines.length === 0;
    if (!isSame) this.#expand(false);

    actions.replaceChildren(...this.#drawActions(message));
    actions.hidden = actions.childElementCount === 0;
    close.hidden = !message.dismissible;
    if (hadFocus && !this.#hasFocus()) this.#keepFocus();
  }

  /** @param {Message} message */
  #drawActions(message) {
    return renderActions(message, this.#strings).map(({ action, element }) => {
      element.addEventListener("click", (event) => {
        if (!this.#gateway.click(message.id, action.id)) event.preventDefault();
      });
      return element;
    });
  }

  /** @param {Slot} slot */
  #drawPager(slot) {
    const { pager, position } = this.#parts;
    pager.hidden = slot.count < 2;
    position.textContent = positionLabel(slot, this.#strings);
  }

  /**
   * Each revision is announced once, when it is first seen; so is the loss of the connection.
   *
   * @param {Message} message
   * @param {boolean} isStale
   */
  #announce(message, isStale) {
    const key = `${message.id} ${message.revision}`;
    if (!this.#announced.has(key)) {
      this.#announced.add(key);
      this.#announcer.say(summary(message, this.#strings), lookOf(message) === "critical");
    } else if (isStale && !this.#wasStale) {
      this.#announcer.say(this.#strings.stale, false);
    }
    this.#wasStale = isStale;
  }

  /** @param {boolean} isInView */
  #onView(isInView) {
    this.#isInView = isInView;
    if (!this.#shown) return;
    if (isInView) this.#gateway.show(this.#shown.id);
    else this.#gateway.hide(this.#shown.id);
  }

  // -- the user ----------------------------------------------------------------------------

  #listen() {
    const { banner, toggle, close, next, previous } = this.#parts;
    const { signal } = this.#stop;
    close.addEventListener("click", () => this.#dismiss(), { signal });
    next.addEventListener("click", () => this.#turn("next"), { signal });
    previous.addEventListener("click", () => this.#turn("previous"), { signal });
    toggle.addEventListener("click", () => this.#expand(!this.#isExpanded), { signal });
    banner.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    this.host.addEventListener("focusin", (event) => this.#onFocus(event), { signal });
    document.addEventListener("visibilitychange", () => this.#announcer.onVisible(), { signal });
  }

  #dismiss() {
    if (this.#shown) this.#gateway.dismiss(this.#shown.id);
  }

  /** @param {"next" | "previous"} way */
  #turn(way) {
    this.#gateway[way]();
    if (this.#shown) this.#announcer.say(summary(this.#shown, this.#strings), false);
  }

  get #isExpanded() {
    return this.#parts.toggle.getAttribute("aria-expanded") === "true";
  }

  /** @param {boolean} isExpanded */
  #expand(isExpanded) {
    this.#parts.toggle.setAttribute("aria-expanded", String(isExpanded));
    this.#parts.list.hidden = !isExpanded;
  }

  /**
   * Esc counts only while the focus is here: it folds the updates, then closes what may be closed.
   *
   * @param {KeyboardEvent} event
   */
  #onKey(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.stopPropagation();
    if (this.#isExpanded) {
      this.#expand(false);
      this.#parts.toggle.focus();
    } else if (this.#shown?.dismissible) {
      this.#dismiss();
    }
  }

  // -- focus -------------------------------------------------------------------------------

  /** @param {FocusEvent} event */
  #onFocus({ relatedTarget }) {
    if (relatedTarget instanceof HTMLElement && relatedTarget !== this.host) this.#cameFrom = relatedTarget;
  }

  #hasFocus() {
    return document.activeElement === this.host;
  }

  /** What had the focus was redrawn: the region takes its place, so that the next Tab goes on here. */
  #keepFocus() {
    this.#parts.banner.focus({ preventScroll: true });
  }

  #giveFocusBack() {
    if (this.#cameFrom?.isConnected) this.#cameFrom.focus({ preventScroll: true });
    this.#cameFrom = null;
  }
}

/**
 * @param {BannerOptions} options
 * @param {string} position
 * @param {HTMLElement[]} children
 */
function makeHost({ theme, dir }, position, children) {
  const host = make("div", { "data-inapp-gateway": "banner", "data-position": position });
  host.dir = dir ?? getComputedStyle(document.documentElement).direction;
  if (theme && theme !== "auto") host.dataset.theme = theme;
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [bannerSheet()];
  root.append(...children);
  return host;
}

/**
 * The frame: made once, so that what has the focus stays while the words change.
 *
 * @param {import("./strings.js").Strings} strings
 */
function makeParts(strings) {
  const button = (/** @type {string} */ name, /** @type {string} */ label) =>
    make("button", { type: "button", class: name, part: name, "aria-label": label, title: label }, icon(name));
  const list = make("ol", { id: "updates" });
  const toggle = make("button", { type: "button", "aria-controls": "updates", "aria-expanded": "false" });
  const position = make("span");
  const parts = {
    icon: make("div", { class: "icon" }),
    text: make("div"),
    stale: make("p", { class: "stale" }, strings.stale),
    updates: make("div", { class: "updates" }, toggle, list),
    actions: make("div", { class: "actions" }),
    close: button("close", strings.dismiss),
    next: button("next", strings.next),
    previous: button("previous", strings.previous),
  };
  const pager = make("div", { class: "pager" }, parts.previous, position, parts.next);
  const banner = make("section", { class: "banner", part: "banner", "aria-label": strings.region, tabindex: "-1" });
  const foot = make("div", { class: "foot" }, parts.actions, pager);
  const words = make("div", { class: "words" }, parts.text, parts.stale, parts.updates);
  banner.append(parts.icon, words, foot, parts.close);
  banner.hidden = true;
  return { ...parts, banner, pager, position, list, toggle };
}
