/**
 * Owns the one connection to the gateway: dialling, the token, liveness, and when to dial again.
 * Rule: whatever happens to a socket, there is one next step, it is announced, and it is never
 * sooner than the close code, the node or the backoff allows. Knows nothing of messages.
 */

import { Backoff } from "./backoff.js";
import { afterClose } from "./close-codes.js";
import { isRecord } from "./message.js";
import { Timer } from "./timer.js";

/**
 * What the connection is doing. `code` and `reason` say why the last one ended; `nextTryAt` is a
 * wall-clock time in milliseconds.
 *
 * @typedef {object} ConnectionState
 * @property {"idle" | "connecting" | "connected" | "waiting" | "stopped"} status
 * @property {number | null} code
 * @property {string | null} reason
 * @property {boolean} willRetry
 * @property {number | null} nextTryAt
 */

/**
 * @typedef {object} Owner who the connection is for
 * @property {() => object} hello what the `connect` frame says beside the token
 * @property {(frame: Record<string, any>) => void} onFrame every frame, `welcome` first
 * @property {(state: ConnectionState) => void} onState
 * @property {() => void} onLeaving the last moment to send
 */

export const PROTOCOL = "inapp.v1.json";
/** From dialling to `welcome`; the node gives up on a silent client after 8 s. */
const WELCOME_WITHIN_MS = 10_000;
/** The app's token callback may hang; it is asked again later. */
const TOKEN_WITHIN_MS = 30_000;
/** A token that ends sooner than this is not worth dialling with. */
const TOKEN_MARGIN_MS = 10_000;
/** Up for so long, a connection is good: the next failure starts with short waits. */
const STABLE_AFTER_MS = 10_000;
/** How often liveness is looked at; also how soon a sleep of the device is noticed. */
const LOOK_EVERY_MS = 5_000;
/** Everybody comes back from lunch at the same time, and so does the network. */
const WAKE_SPREAD_MS = 1_000;
/** No node may send a client away for longer, nor keep it waiting in silence. */
const MAX_ORDERED_MS = 600_000;
/** PROTOCOL §2: seconds between pings, and how much longer a client waits for one. */
const HEARTBEAT = { interval: 25, grace: 10 };

export class Connection {
  #env;
  #clock;
  #options;
  #owner;
  #backoff;
  /** @type {import("./environment.js").Socket | null} */
  #socket = null;
  /** @type {ConnectionState} */
  #state = { status: "idle", code: null, reason: null, willRetry: false, nextTryAt: null };
  /** Whoever dialled last; an answer for anybody else is void. */
  #attempt = 0;
  #patienceMs = 0;
  #trafficAt = 0;
  #dialledAt = 0;
  #isOrdered = false;
  /** @type {string | null} */
  #token = null;
  #tokenEndsAt = Infinity;
  #requests = 0;
  /** One timer for the next step, one for a look at liveness, one for the app's token. */
  #next;
  #look;
  #tokenWait;

  /**
   * @param {import("./environment.js").Environment} env
   * @param {import("./clock.js").ServerClock} clock
   * @param {Pick<import("./gateway.js").GatewayOptions, "url" | "getToken">} options
   * @param {Owner} owner
   */
  constructor(env, clock, options, owner) {
    this.#env = env;
    this.#clock = clock;
    this.#options = options;
    this.#owner = owner;
    this.#backoff = new Backoff(env.random);
    this.#next = new Timer(env);
    this.#look = new Timer(env);
    this.#tokenWait = new Timer(env);
  }

  get state() {
    return this.#state;
  }

  /** Dial now, unless that is under way or the node asked to wait. */
  start() {
    const { status } = this.#state;
    if (status === "connecting" || status === "connected" || (status === "waiting" && this.#isOrdered)) return;
    if (status !== "waiting") this.#backoff.reset();
    this.#next.clear();
    this.#dial();
  }

  /** Say goodbye and stay away until `start`. @param {string} reason */
  stop(reason) {
    this.#leave();
    this.#announce("stopped", { reason });
  }

  /**
   * @param {object} frame
   * @returns {boolean} false when nothing can be sent now
   */
  send(frame) {
    if (this.#state.status !== "connected" || this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** @param {string} type @param {object} fields */
  request(type, fields) {
    this.#requests += 1;
    return this.send({ type, id: String(this.#requests), ...fields });
  }

  /** Something says that it may be worth looking now: the tab is in front, the page is back. */
  wake() {
    if (this.#state.status === "connected") this.#checkAlive();
    else if (this.#state.status === "waiting" && !this.#isOrdered) this.#hurry();
  }

  /** The page goes to the back/forward cache, or for good: a live socket would keep it out of it. */
  pause() {
    if (this.#state.status === "stopped" || this.#state.status === "idle") return;
    this.#leave();
    this.#isOrdered = false;
    this.#announce("waiting", { reason: "page_hidden", willRetry: true });
  }

  /** The network changed: the old way to the node is most likely dead, and silently so. */
  onNetworkChange() {
    if (this.#state.status === "connected") this.#lose(null, "network_changed");
    else this.wake();
  }

  // -- dialling ----------------------------------------------------------------------------

  async #dial() {
    const attempt = (this.#attempt += 1);
    this.#announce("connecting", {});
    try {
      const token = await this.#validToken();
      if (attempt !== this.#attempt) return;
      if (token === null && this.#options.getToken) this.stop("signed_out");
      else this.#open(token);
    } catch {
      if (attempt === this.#attempt) this.#lose(null, "token_unavailable");
    }
  }

  async #validToken() {
    if (!this.#options.getToken) return null;
    if (this.#clock.now() > this.#tokenEndsAt - TOKEN_MARGIN_MS) this.#token = null;
    this.#token ??= await this.#newToken();
    return this.#token;
  }

  async #newToken() {
    this.#tokenEndsAt = Infinity;
    const late = new Promise((_, reject) => this.#tokenWait.set(TOKEN_WITHIN_MS, () => reject()));
    const token = await Promise.race([this.#options.getToken?.(), late]);
    this.#tokenWait.clear();
    return /** @type {string | undefined} */ (token) ?? null;
  }

  /** @param {string | null} token */
  #open(token) {
    this.#dialledAt = this.#env.monotonic();
    this.#next.set(WELCOME_WITHIN_MS, () => this.#lose(null, "connect_timeout"));
    let socket;
    try {
      socket = this.#env.openSocket(this.#options.url, [PROTOCOL]);
    } catch {
      return this.stop("bad_url");
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#dialledAt = this.#env.monotonic();
      socket.send(JSON.stringify({ type: "connect", ...this.#owner.hello(), ...(token && { token }) }));
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lose(event.code, event.reason || "connection_lost");
  }

  // -- frames ------------------------------------------------------------------------------

  /** @param {unknown} data */
  #receive(data) {
    const socket = this.#socket;
    for (const frame of parseFrames(data)) {
      if (socket === this.#socket) this.#onFrame(frame);
    }
    this.#trafficAt = this.#clock.now();
  }

  /** @param {Record<string, any>} frame */
  #onFrame(frame) {
    if (frame.type === "welcome") this.#onWelcome(frame);
    else if (frame.type === "bye") return this.#onBye(frame);
    else if (this.#state.status !== "connected") return;
    else if (frame.type === "ping") this.#onPing(frame);
    else if (frame.type === "reauth") this.#reauthenticate(frame);
    else if (frame.type === "reply" && frame.expires_at) this.#tokenEndsAt = timeOf(frame.expires_at);
    if (frame.type === "sync") this.#clock.sample(frame.now);
    this.#owner.onFrame(frame);
    if (frame.type === "drain") this.#onDrain(frame);
  }

  /** @param {Record<string, any>} frame */
  #onWelcome(frame) {
    this.#clock.restart(frame.now, this.#env.monotonic() - this.#dialledAt);
    const { interval, grace } = { ...HEARTBEAT, ...frame.heartbeat };
    this.#patienceMs = Math.max((amount(interval) + amount(grace)) * 1_000, LOOK_EVERY_MS);
    this.#tokenEndsAt = timeOf(frame.expires_at);
    this.#announce("connected", {});
    this.#next.set(STABLE_AFTER_MS, () => this.#backoff.reset());
    this.#watch();
  }

  /** @param {Record<string, any>} frame */
  #onPing(frame) {
    this.#clock.sample(frame.now);
    this.send({ type: "pong" });
  }

  /**
   * The close code, ahead of the close itself, which proxies may turn into 1006.
   *
   * @param {Record<string, any>} frame
   */
  #onBye(frame) {
    const { code, reason, reconnect, after } = frame;
    this.#owner.onFrame(frame);
    if (typeof code !== "number") return;
    this.#lose(code, String(reason ?? ""), amount(after), reconnect !== false);
  }

  /** @param {Record<string, any>} frame */
  #onDrain(frame) {
    this.#leave();
    this.#isOrdered = true;
    this.#wait(null, "draining", amount(frame.reconnect_after));
  }

  /** @param {Record<string, any>} frame */
  async #reauthenticate(frame) {
    if (!this.#options.getToken) return;
    const attempt = this.#attempt;
    try {
      const token = await this.#newToken();
      if (attempt !== this.#attempt) return;
      if (token === null) return this.stop("signed_out");
      this.#token = token;
      this.request("refresh", { token });
    } catch {
      // The app's server may be slow or down: ask again while there is time. When time is up the
      // node closes with 4301, and dialling asks anew.
      if (attempt !== this.#attempt) return;
      const again = Math.max(1, amount(frame.within) / 3);
      this.#tokenWait.set(again * 1_000, () => this.#reauthenticate({ within: again }));
    }
  }

  // -- liveness ----------------------------------------------------------------------------

  #watch() {
    this.#look.set(LOOK_EVERY_MS, () => {
      this.#watch();
      this.#checkAlive();
    });
  }

  #checkAlive() {
    if (this.#clock.isInDoubt) this.#lose(null, "woke_up");
    else if (this.#socket?.readyState !== 1) this.#lose(null, "connection_lost");
    else if (this.#clock.now() - this.#trafficAt > this.#patienceMs) this.#lose(null, "no_traffic");
  }

  // -- ends --------------------------------------------------------------------------------

  /**
   * The connection is no more, or never came to be: decide what is next.
   *
   * @param {number | null} code
   * @param {string} reason
   * @param {number} [orderedMs] how long the node asked to stay away
   * @param {boolean} [mayReturn]
   */
  #lose(code, reason, orderedMs = 0, mayReturn = true) {
    this.#drop();
    const rule = afterClose(code);
    const isHopeless = rule === "stop" || (rule === "token" && !this.#options.getToken);
    if (isHopeless || !mayReturn) return this.#announce("stopped", { code, reason });
    if (rule === "token") this.#token = null;
    this.#isOrdered = orderedMs > 0;
    this.#wait(code, reason, orderedMs || this.#backoff.next(!this.#env.lifecycle.isVisible()));
  }

  /**
   * @param {number | null} code
   * @param {string | null} reason
   * @param {number} delay in milliseconds
   */
  #wait(code, reason, delay) {
    this.#next.set(delay, () => this.#dial());
    this.#announce("waiting", { code, reason, willRetry: true, nextTryAt: this.#env.now() + delay });
  }

  #hurry() {
    const { code, reason, nextTryAt } = this.#state;
    const delay = Math.round(this.#env.random() * WAKE_SPREAD_MS);
    if (nextTryAt === null || nextTryAt > this.#env.now() + delay) this.#wait(code, reason, delay);
  }

  /** Say what is still to be said, and close. */
  #leave() {
    if (this.#state.status === "connected") this.#owner.onLeaving();
    this.#drop();
  }

  /** Let go of the socket without waiting for it: a dead one takes a minute to close. */
  #drop() {
    this.#attempt += 1;
    for (const timer of [this.#next, this.#look, this.#tokenWait]) timer.clear();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  /**
   * @param {ConnectionState["status"]} status
   * @param {Partial<ConnectionState>} why
   */
  #announce(status, why) {
    this.#state = Object.freeze({ status, code: null, reason: null, willRetry: false, nextTryAt: null, ...why });
    this.#owner.onState(this.#state);
  }
}

/**
 * One frame or an array of frames; what is neither is left out.
 *
 * @param {unknown} data
 * @returns {Record<string, any>[]}
 */
function parseFrames(data) {
  try {
    const parsed = JSON.parse(String(data));
    return (Array.isArray(parsed) ? parsed : [parsed]).filter((frame) => isRecord(frame));
  } catch {
    return [];
  }
}

/**
 * A number from the node, within reason.
 *
 * @param {any} value
 */
function amount(value) {
  return Math.min(Math.max(Number(value) || 0, 0), MAX_ORDERED_MS);
}

/** @param {unknown} text */
function timeOf(text) {
  const at = Date.parse(String(text));
  return Number.isNaN(at) ? Infinity : at;
}
