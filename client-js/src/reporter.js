/**
 * Owns what the node knows of this tab: whether somebody is looking, whether they may be disturbed,
 * and where they are. Only differences are sent, and never more than a few a second, however often
 * an app rewrites its address. Never looks at the page by itself.
 */

import { clip } from "./text.js";
import { Timer } from "./timer.js";

/** An app that rewrites its address on every scroll must not be cut off as too chatty. */
const PAGE_EVERY_MS = 250;
/** The node refuses longer ones. */
const MAX_URL = 2_048;
const MAX_TITLE = 512;

export class Reporter {
  #env;
  #send;
  #tracksPages;
  #busy = false;
  /** @type {{ url: string, title: string } | null} what the app said itself */
  #page = null;
  /** What the node was told last. */
  #told = { visibility: "", activity: "", busy: false, url: "" };
  #pageTimer;
  /** @type {(() => void) | null} */
  #unlisten = null;

  /**
   * @param {import("./environment.js").Environment} env
   * @param {{ trackPages?: boolean }} options
   * @param {(frame: object) => boolean} send false when there is no open connection
   */
  constructor(env, { trackPages = true }, send) {
    this.#env = env;
    this.#send = send;
    this.#pageTimer = new Timer(env);
    this.#tracksPages = trackPages;
  }

  start() {
    if (this.#tracksPages) this.#unlisten ??= this.#env.pages.listen(() => this.#pageSoon());
  }

  stop() {
    this.#unlisten?.();
    this.#unlisten = null;
    this.#pageTimer.clear();
  }

  /** What the `connect` frame says. */
  hello() {
    const { visibility, activity } = this.#state();
    const { url } = this.#where();
    this.#told = { visibility, activity, busy: false, url };
    return { ...(url && { page: url }), visibility, activity };
  }

  /** Say what changed while the connection was being made. */
  onConnected() {
    this.tell();
    this.#tellPage();
  }

  /** Send what changed about visibility, activity and business. */
  tell() {
    const now = this.#state();
    const changes = Object.entries(now).filter(([key, value]) => this.#told[/** @type {keyof typeof now} */ (key)] !== value);
    if (changes.length === 0) return;
    if (this.#send({ type: "state", ...Object.fromEntries(changes) })) Object.assign(this.#told, now);
  }

  /** @param {boolean} isBusy */
  setBusy(isBusy) {
    this.#busy = isBusy;
    this.tell();
  }

  /**
   * @param {string} url
   * @param {string} [title]
   */
  setPage(url, title = "") {
    this.#page = { url, title };
    this.#pageSoon();
  }

  #pageSoon() {
    if (!this.#pageTimer.isSet && this.#tellPage()) this.#pageTimer.set(PAGE_EVERY_MS, () => this.#pageSoon());
  }

  /** @returns {boolean} true when there was something to tell, and it was told */
  #tellPage() {
    const { url, title } = this.#where();
    if (!url || url === this.#told.url || !this.#send({ type: "page", url, title })) return false;
    this.#told.url = url;
    return true;
  }

  #where() {
    const { url, title } = this.#page ?? (this.#tracksPages ? this.#env.pages.current() : { url: "", title: "" });
    return { url: shorten(url), title: clip(title, MAX_TITLE) };
  }

  /** @returns {{ visibility: string, activity: string, busy: boolean }} */
  #state() {
    const { lifecycle } = this.#env;
    return {
      visibility: lifecycle.isVisible() ? "visible" : "hidden",
      activity: lifecycle.isActive() ? "active" : "idle",
      busy: this.#busy,
    };
  }
}

/**
 * Too long an address loses its query and fragment rather than its path, on which page rules match.
 *
 * @param {string} url
 */
function shorten(url) {
  return clip(url.length <= MAX_URL ? url : url.split(/[?#]/, 1)[0], MAX_URL);
}
