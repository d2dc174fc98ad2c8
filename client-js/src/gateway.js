/**
 * Owns the client as the app sees it: connection, store, slot, receipts and attention put together,
 * and one immutable snapshot of it all. Never touches the page: what it needs of it comes in with
 * the environment.
 */

import { Attention } from "./attention.js";
import { ServerClock } from "./clock.js";
import { Connection } from "./connection.js";
import { Listeners } from "./listeners.js";
import { isKnownKind, parseMessage } from "./message.js";
import { Receipts } from "./receipts.js";
import { Reporter } from "./reporter.js";
import { SlotChoice } from "./slot.js";
import { makeSnapshot } from "./snapshot.js";
import { Store } from "./store.js";
import { clip } from "./text.js";
import { Timer } from "./timer.js";

/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {import("./environment.js").Environment} Environment */
/** @typedef {import("./listeners.js").EventName} EventName */
/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

/**
 * @typedef {object} GatewayOptions
 * @property {string} url the gateway's WebSocket, `wss://…/v1/ws`
 * @property {() => Promise<string | null> | string | null} [getToken] asked for a token on connecting
 *   and whenever the node wants a newer one; null means that nobody is signed in
 * @property {string} [user] stands in for a token in `gateway dev` only
 * @property {{ id?: string, platform?: string, app?: string, version?: string }} [device]
 * @property {string} [locale] BCP 47; default: the browser's
 * @property {string} [timezone] IANA name; default: the browser's
 * @property {string[]} [layouts] prompt layouts that the app can draw
 * @property {boolean} [trackPages] false: the app calls `setPage` itself
 */

/** The node refuses longer names. */
const MAX_NAME = 128;
/** A blink of the network is not worth a mark on the screen. */
const STALE_AFTER_MS = 3_000;
/** A timer may sleep with the device; a look this often finds what expired meanwhile. */
const EXPIRY_LOOK_MS = 15_000;

export class Gateway {
  #env;
  #options;
  #clock;
  #connection;
  #receipts;
  #attention;
  #reporter;
  #listeners;
  #store = new Store();
  #choice = new SlotChoice();
  /** @type {string | null} */
  #user = null;
  #unread = 0;
  #isStale = false;
  /** @type {Snapshot | null} */
  #snapshot = null;
  #expiry;
  #staleness;
  /** @type {(() => void) | null} */
  #unlisten = null;

  /**
   * @param {Environment} env
   * @param {GatewayOptions} options
   */
  constructor(env, options) {
    const send = (/** @type {object} */ frame) => this.#connection.send(frame);
    this.#env = env;
    this.#options = options;
    this.#clock = new ServerClock(env);
    this.#expiry = new Timer(env);
    this.#staleness = new Timer(env);
    this.#listeners = new Listeners(env.report);
    this.#receipts = new Receipts(env, send);
    this.#reporter = new Reporter(env, options, send);
    this.#attention = new Attention(env, (id, revision) => {
      if (this.#store.get(id)?.revision === revision) this.#say("displayed", id, revision);
    });
    this.#connection = new Connection(env, this.#clock, options, {
      hello: () => this.#hello(),
      onFrame: (frame) => this.#onFrame(frame),
      onState: (state) => this.#onState(state),
      onLeaving: () => this.#receipts.flush(),
    });
  }

  // -- for the app -------------------------------------------------------------------------

  /** Connect, and stay connected until `close`. While waiting for the next try: try now. */
  connect() {
    this.#unlisten ??= this.#env.lifecycle.listen((event) => this.#onLifecycle(event));
    this.#reporter.start();
    this.#connection.start();
  }

  /** Disconnect and stay away. What was shown comes off. */
  close() {
    this.#unlisten?.();
    this.#unlisten = null;
    this.#reporter.stop();
    this.#connection.stop("closed_by_app");
    this.#calm();
    this.#store.keepOnly(new Set());
    this.#changed();
  }

  /**
   * Be called after each change; ask `getSnapshot` what is so. Fit for React's useSyncExternalStore.
   *
   * @param {() => void} listener
   */
  subscribe = (listener) => this.#listeners.add("change", listener);

  /** @returns {Snapshot} the same object until something changes */
  getSnapshot = () => {
    this.#snapshot ??= this.#makeSnapshot();
    return this.#snapshot;
  };

  /**
   * @param {EventName} name
   * @param {(detail: any) => void} listener
   * @returns {() => void} the way to stop
   */
  on(name, listener) {
    return this.#listeners.add(name, listener);
  }

  /** The user closed a message: off this screen at once, and off the user's others. @param {string} id */
  dismiss(id) {
    const message = this.#store.get(id);
    if (!message?.dismissible) return;
    this.#say("dismissed", id, message.revision, { reason: "user" });
    this.#store.dismiss(id);
    this.#receipts.flush();
    this.#changed();
  }

  /**
   * The user chose an action. The receipt is on its way before the page may go away.
   *
   * @param {string} id
   * @param {string} actionId
   * @returns {boolean} false when a listener of `action` took care of it
   */
  click(id, actionId) {
    const message = this.#store.get(id);
    if (!message) return true;
    this.#say("clicked", id, message.revision, { action: actionId });
    this.#receipts.flush();

    let isOurs = true;
    const action = message.content.actions.find((one) => one.id === actionId) ?? { id: actionId, intent: "open" };
    this.#listeners.call("action", { message, action, preventDefault: () => (isOurs = false) });
    if (isOurs && action.intent === "dismiss") this.dismiss(id);
    return isOurs;
  }

  /** Say that a message is drawn and in view; after a second it counts as displayed. @param {string} id */
  show(id) {
    const message = this.#store.get(id);
    if (message) this.#attention.show(id, message.revision);
  }

  /** Say that a message is no longer in view. @param {string} id */
  hide(id) {
    this.#attention.hide(id);
  }

  /** Put the next banner into the slot. */
  next() {
    this.#move(1);
  }

  /** Put the previous banner into the slot. */
  previous() {
    this.#move(-1);
  }

  /**
   * Say where the user is; needed only with `trackPages: false`.
   *
   * @param {string} url
   * @param {string} [title]
   */
  setPage(url, title) {
    this.#reporter.setPage(url, title);
  }

  /** Say that the user must not be disturbed now (a payment, an unsaved form). @param {boolean} isBusy */
  setBusy(isBusy) {
    this.#reporter.setBusy(isBusy);
  }

  /**
   * Set traits that the policy lets clients set.
   *
   * @param {Record<string, unknown>} traits
   * @returns {boolean} false when there is no connection
   */
  identify(traits) {
    return this.#connection.request("identify", { traits });
  }

  // -- from the node -----------------------------------------------------------------------

  /** @param {Record<string, any>} frame */
  #onFrame(frame) {
    if (frame.type === "message") return this.#onMessage(frame);
    if (frame.type === "retract") return this.#onRetract(frame);
    if (frame.type === "welcome") this.#onWelcome(frame);
    else if (frame.type === "sync") this.#onLive(frame);
    else if (frame.type === "unread") this.#onUnread(frame);
    this.#listeners.call(frame.type, frame);
  }

  /** @param {Record<string, any>} frame */
  #onWelcome(frame) {
    const user = String(frame.user);
    if (this.#user !== null && this.#user !== user) this.#forget();
    this.#user = user;
    this.#receipts.onSession();
    for (const line of this.#receipts.recall(user)) {
      if (line.stage === "dismissed") this.#store.dismiss(line.message, line.revision);
    }
    this.#onLive(frame);
    this.#receipts.flush();
    this.#reporter.onConnected();
  }

  /**
   * A snapshot: what is not in there comes off, what is new goes on.
   *
   * @param {Record<string, any>} frame
   */
  #onLive(frame) {
    const live = /** @type {unknown[]} */ (Array.isArray(frame.live) ? frame.live : []);
    const messages = live.map(parseMessage).filter((message) => message !== null);
    const left = this.#store.keepOnly(new Set(messages.map((message) => message.id)));
    const news = messages.filter((message) => this.#put(message));
    this.#unread = count(frame.unread);
    this.#changed();
    left.forEach((message) => this.#listeners.call("retract", { message, reason: "not_live" }));
    news.forEach((message) => this.#listeners.call("message", { op: "show", message }));
  }

  /** @param {Record<string, any>} frame */
  #onMessage({ op, message: raw }) {
    const message = parseMessage(raw);
    if (!message || !this.#put(message)) return;
    this.#changed();
    this.#listeners.call("message", { op, message });
  }

  /**
   * @param {Message} message
   * @returns {boolean} true when there is something new to see
   */
  #put(message) {
    const { id, revision } = message;
    const outcome = this.#store.put(message, this.#clock.now());
    if (outcome === "stale") this.#say("suppressed", id, revision, { reason: "stale" });
    if (outcome === "new" || outcome === "same") this.#say("received", id, revision);
    if (outcome !== "new") return false;
    if (!isKnownKind(message)) this.#say("suppressed", id, revision, { reason: "unsupported_client" });
    return true;
  }

  /** @param {Record<string, any>} frame */
  #onRetract({ message: id, revision, reason }) {
    const upTo = typeof revision === "number" ? revision : (this.#store.get(id)?.revision ?? 0);
    const message = this.#store.retract(String(id), upTo, String(reason));
    if (!message) return;
    this.#changed();
    this.#listeners.call("retract", { message, reason });
  }

  /** @param {Record<string, any>} frame */
  #onUnread(frame) {
    this.#unread = count(frame.count);
    this.#changed();
  }

  /** @param {ConnectionState} state */
  #onState(state) {
    if (state.status === "connected") this.#calm();
    else if (state.status !== "connecting") {
      this.#receipts.onLost();
      if (!this.#staleness.isSet && !this.#isStale) this.#staleness.set(STALE_AFTER_MS, () => this.#becomeStale());
    }
    this.#changed();
    this.#listeners.call("status", state);
  }

  #calm() {
    this.#staleness.clear();
    this.#isStale = false;
  }

  #becomeStale() {
    this.#isStale = true;
    this.#changed();
  }

  // -- from the page -----------------------------------------------------------------------

  /** @param {import("./environment.js").LifecycleEvent} event */
  #onLifecycle(event) {
    if (event === "visible" || event === "hidden") this.#attention.setVisible(event === "visible");
    if (event === "leave") this.#onLeave();
    if (event === "online") this.#connection.onNetworkChange();
    if (event === "visible" || event === "resume") {
      this.#expire();
      this.#connection.wake();
    }
    this.#reporter.tell();
  }

  /** What could not be said is kept for the next page of this tab. */
  #onLeave() {
    this.#connection.pause();
    this.#receipts.keep(this.#user);
  }

  // -- within ------------------------------------------------------------------------------

  /** Somebody else signed in: nothing of the user before may be seen or said. */
  #forget() {
    this.#store.clear();
    this.#receipts.clear();
  }

  /** @param {number} step */
  #move(step) {
    this.#choice.move(this.getSnapshot().banners, step);
    this.#changed();
  }

  #expire() {
    const over = this.#store.expire(this.#clock.now());
    if (over.length > 0) this.#changed();
    else this.#armExpiry();
    over.forEach((message) => this.#listeners.call("retract", { message, reason: "expired" }));
  }

  #armExpiry() {
    this.#expiry.clear();
    const within = this.#store.nextExpiry() - this.#clock.now();
    if (within === Infinity) return;
    const delay = Math.min(Math.max(within, 0), EXPIRY_LOOK_MS);
    this.#expiry.set(delay, () => this.#expire());
  }

  /**
   * @param {import("./receipts.js").Line["stage"]} stage
   * @param {string} message
   * @param {number} revision
   * @param {{ action?: string, reason?: string }} [more]
   */
  #say(stage, message, revision, more) {
    this.#receipts.add({ message, revision, stage, ...more, at: Math.round(this.#clock.now()) });
  }

  #hello() {
    const { user, device, layouts = [], locale, timezone } = this.#options;
    const here = this.#env.whereabouts();
    return {
      ...(user !== undefined && { user }),
      device: { platform: "web", ...device },
      locale: clip(locale ?? here.locale, MAX_NAME),
      timezone: clip(timezone ?? here.timezone, MAX_NAME),
      ...this.#reporter.hello(),
      showing: this.#store.messages.map(({ id, revision }) => [id, revision]),
      layouts,
    };
  }

  #makeSnapshot() {
    const { state } = this.#connection;
    const standing = { connection: state, user: this.#user, isStale: this.#isStale, unread: this.#unread };
    return makeSnapshot(standing, this.#store.messages, this.#choice);
  }

  #changed() {
    this.#snapshot = null;
    this.#armExpiry();
    this.#listeners.call("change");
  }
}

/** @param {unknown} value */
function count(value) {
  return typeof value === "number" && value > 0 ? Math.floor(value) : 0;
}
