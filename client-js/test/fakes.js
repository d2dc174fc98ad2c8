/** Fakes for everything that the core gets from outside: time, sockets, page, storage. */

import { Gateway } from "../src/gateway.js";

export const START = Date.parse("2026-11-21T12:00:00Z");
export const WELCOME = {
  type: "welcome",
  session: "s-1",
  user: "ada",
  now: START,
  heartbeat: { interval: 25, grace: 10 },
  expires_at: "2026-11-22T12:00:00Z",
  live: [],
  unread: 0,
  preferences: {},
  limits: { frame_bytes: 16384, frames_per_second: 10, receipts_per_frame: 100 },
};

export class FakeSocket {
  readyState = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  sent = [];
  closedWith = null;

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text) {
    if (this.readyState !== 1) throw new Error("not open");
    this.sent.push(JSON.parse(text));
  }

  close(code) {
    this.readyState = 3;
    this.closedWith = code;
  }

  /** The node accepts. */
  open() {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** The node says something. */
  says(frame) {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  /** The node, or the network, ends it. */
  ends(code, reason = "") {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  sentOf(type) {
    return this.sent.filter((frame) => frame.type === type);
  }
}

/** A world with its own time: nothing happens unless it is advanced. */
export class World {
  wall = START;
  uptime = 1_000;
  dice = 0;
  visible = true;
  active = true;
  url = "https://shop.example/";
  title = "Shop";
  kept = null;
  sockets = [];
  reported = [];
  refusesToDial = false;
  #timers = [];
  #lifecycle = new Set();
  #pages = new Set();

  get environment() {
    return {
      now: () => this.wall,
      monotonic: () => this.uptime,
      random: () => this.dice,
      setTimer: (run, delayMs) => this.#add(run, delayMs),
      clearTimer: (timer) => (this.#timers = this.#timers.filter((one) => one !== timer)),
      openSocket: (url, protocols) => this.#dial(url, protocols),
      lifecycle: {
        isVisible: () => this.visible,
        isActive: () => this.active,
        listen: (listener) => join(this.#lifecycle, listener),
      },
      pages: {
        current: () => ({ url: this.url, title: this.title }),
        listen: (listener) => join(this.#pages, listener),
      },
      keep: { read: () => this.kept, write: (text) => (this.kept = text) },
      whereabouts: () => ({ locale: "en-GB", timezone: "Europe/London" }),
      report: (error) => this.reported.push(error),
    };
  }

  get socket() {
    return this.sockets.at(-1);
  }

  get timers() {
    return this.#timers.length;
  }

  /** Let time pass for both clocks, running what is due in order. */
  async advance(milliseconds) {
    const end = this.uptime + milliseconds;
    for (let steps = 0; ; steps += 1) {
      if (steps > 10_000) throw new Error("time does not pass: a timer sets itself again at once");
      await settled();
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#moveTo(Math.max(due.at, this.uptime));
      due.run();
    }
    this.#moveTo(end);
    await settled();
  }

  /** The device sleeps: the wall clock goes on, timers and the monotonic clock do not. */
  sleep(milliseconds) {
    this.wall += milliseconds;
  }

  /** Something happened to the page. */
  async happens(event) {
    if (event === "visible" || event === "hidden") this.visible = event === "visible";
    if (event === "active" || event === "idle") this.active = event === "active";
    for (const listener of [...this.#lifecycle]) listener(event);
    await settled();
  }

  async navigates(url, title = "") {
    this.url = url;
    this.title = title;
    for (const listener of [...this.#pages]) listener();
    await settled();
  }

  #add(run, delayMs) {
    const timer = { run, at: this.uptime + delayMs, delayMs };
    this.#timers.push(timer);
    return timer;
  }

  #dial(url, protocols) {
    if (this.refusesToDial) throw new SyntaxError("bad url");
    const socket = new FakeSocket(url, protocols);
    this.sockets.push(socket);
    return socket;
  }

  #moveTo(uptime) {
    this.wall += uptime - this.uptime;
    this.uptime = uptime;
  }
}

/** All promises that can go on have gone on. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A client in a new world. */
export function makeGateway(options = {}, world = new World()) {
  const gateway = new Gateway(world.environment, { url: "wss://gateway.example/v1/ws", getToken: () => "t-1", ...options });
  const states = [];
  gateway.on("status", (state) => states.push(state));
  return { world, gateway, states };
}

/** A client that is connected and was given these messages. */
export async function connected({ live = [], options = {}, world = new World() } = {}) {
  const made = makeGateway(options, world);
  made.gateway.connect();
  await welcome(world, { live });
  return made;
}

/** The node accepts the newest connection. */
export async function welcome(world, fields = {}) {
  await settled();
  world.socket.open();
  world.socket.says({ ...WELCOME, now: world.wall, ...fields });
  await settled();
}

let numbers = 0;

export function banner(fields = {}) {
  numbers += 1;
  return {
    id: `b-${numbers}`,
    revision: 1,
    kind: "banner",
    severity: "major",
    content: { title: "Payments are failing", body: [{ type: "p", children: [{ type: "text", text: "We are on it." }] }], actions: [] },
    dismissible: true,
    priority: 50,
    expires_at: "2026-11-21T16:00:00Z",
    tags: [],
    created_at: "2026-11-21T12:00:00Z",
    locale: "en",
    ...fields,
  };
}

/** What the client said about messages, as `stage id revision`. */
export function receiptsOf(socket) {
  return socket.sentOf("receipt").flatMap((frame) => frame.receipts.map((line) => `${line.stage} ${line.message} ${line.revision}`));
}

function join(set, listener) {
  set.add(listener);
  return () => set.delete(listener);
}
