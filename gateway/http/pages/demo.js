/**
 * The demo page: an operator's panel that talks to the HTTP API, and four screens that each hold a
 * client of their own. Only `gateway dev` serves it, and only there may a user name stand in for a
 * token.
 */

import { createGateway, mountBanner } from "./sdk.js";

/** Ada is here twice, so that a dismissal can be seen to travel. */
const DEVICES = { ada: ["laptop", "phone"] };
/** How often the panel looks at reach. */
const LOOK_MS = 1_000;

const PRESETS = {
  outage: { title: "Payments are failing", text: "Cards are declined for most customers. **Do not retry**, you will not be charged twice.", severity: "critical", status: "investigating", expires_in: "4h", label: "Status page", href: "https://status.example.com/incidents/1" },
  slow: { title: "Search is slow", text: "Results may take up to ten seconds.", severity: "minor", expires_in: "1h" },
  maintenance: { title: "Planned maintenance on Sunday", text: "The shop is read-only from 02:00 to 02:30 UTC.", severity: "info", status: "scheduled", expires_in: "4h" },
  checkout: { title: "Card payments are delayed", text: "Orders go through; receipts arrive late.", severity: "major", pages: "/checkout/**", expires_in: "1h" },
  short: { title: "This leaves by itself", text: "No further message is needed for it to go.", severity: "info", expires_in: "20s" },
};

const config = await (await fetch("demo/config.json")).json();

// -- the HTTP API ------------------------------------------------------------------------------

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function call(method, path, body) {
  const headers = { authorization: `Bearer ${config.key}`, "content-type": "application/json" };
  if (method !== "GET") headers["idempotency-key"] = crypto.randomUUID();
  const answer = await fetch(`v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(faults(said));
  return said;
}

function faults({ title, detail, errors = [] }) {
  const lines = errors.map((fault) => `${fault.pointer}: ${fault.detail}`);
  return lines.length > 0 ? lines.join("; ") : (detail ?? title ?? "The gateway refused.");
}

// -- the operator ------------------------------------------------------------------------------

const compose = document.querySelector("#compose");
const answer = document.querySelector("#answer");

function say(text, isBad = false) {
  answer.textContent = text;
  answer.toggleAttribute("data-bad", isBad);
}

/** Run what a button asks for; a refusal is shown where the operator looks. */
async function attempt(run) {
  try {
    await run();
  } catch (error) {
    say(error.message, true);
  }
  await look();
}

function fillIn(preset) {
  compose.reset();
  for (const [name, value] of Object.entries(preset)) compose.elements[name].value = value;
}

/** What the form says, in the words of `POST /v1/broadcast`. */
function broadcastBody() {
  const { title, text, severity, expires_in, status, pages, label, href } = Object.fromEntries(new FormData(compose));
  return {
    text,
    severity,
    expires_in,
    dismissible: compose.elements.dismissible.checked,
    ...(title && { title }),
    ...(status && { incident: { status } }),
    ...(pages && { pages: { allow: pages.split(/[\s,]+/).filter(Boolean) } }),
    ...((label || href) && { link: { label, href } }),
  };
}

async function send(event) {
  event.preventDefault();
  await attempt(async () => {
    const started = performance.now();
    const { reach } = await call("POST", "broadcast?wait=1s", broadcastBody());
    const took = Math.round(performance.now() - started);
    say(`${reach.sessions.received} screens of ${reach.received} users said that they have it, ${took} ms after the click.`);
  });
}

compose.addEventListener("submit", send);
for (const button of document.querySelectorAll("[data-preset]")) {
  button.addEventListener("click", () => fillIn(PRESETS[button.dataset.preset]));
}

// -- what is live ------------------------------------------------------------------------------

const list = document.querySelector("#live");
const cards = new Map();

async function look() {
  const { data } = await call("GET", "messages?state=live&kind=banner");
  const ids = new Set(data.map((message) => message.id));
  for (const [id, card] of cards) {
    if (ids.has(id)) continue;
    card.remove();
    cards.delete(id);
  }
  for (const message of data.toReversed()) drawCard(message);
}

function drawCard(message) {
  const card = cards.get(message.id) ?? makeCard(message.id);
  const content = message.content[message.default_locale];
  const status = message.incident?.status;
  card.dataset.severity = message.severity;
  card.querySelector("h3").textContent = content.title ?? content.body;
  card.querySelector(".meta").textContent = [message.severity, status, `revision ${message.revision}`, ends(message.expires_at)].filter(Boolean).join(" · ");
  for (const cell of card.querySelectorAll("[data-stage]")) cell.textContent = message.reach[cell.dataset.stage];
}

function makeCard(id) {
  const card = document.querySelector("#live-item").content.firstElementChild.cloneNode(true);
  const form = card.querySelector(".update");
  const path = `messages/${encodeURIComponent(id)}`;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { status, body } = Object.fromEntries(new FormData(form));
    form.elements.body.value = "";
    void attempt(() => call("PATCH", path, { incident: { status, body } }));
  });
  const end = (name, run) => card.querySelector(`[data-end=${name}]`).addEventListener("click", () => void attempt(run));
  end("resolve", () => call("PATCH", path, { incident: { status: "resolved", body: "All is well again." } }));
  end("retract", () => call("POST", `${path}/retract`, {}));
  cards.set(id, card);
  list.prepend(card);
  return card;
}

function ends(at) {
  const seconds = Math.max(0, Math.round((Date.parse(at) - Date.now()) / 1_000));
  return seconds < 120 ? `ends in ${seconds} s` : `ends ${new Date(at).toLocaleTimeString([], { timeStyle: "short" })}`;
}

async function keepLooking() {
  if (document.visibilityState === "visible") await look().catch(() => {});
  setTimeout(keepLooking, LOOK_MS);
}

// -- the screens -------------------------------------------------------------------------------

/** A line that can be cut, to see what a client does without its gateway. */
class Line {
  isCut = false;
  #sockets = new Set();

  open = (url, protocols) => {
    if (this.isCut) return deadSocket();
    const socket = new WebSocket(url, protocols);
    this.#sockets.add(socket);
    return socket;
  };

  cut(isCut) {
    this.isCut = isCut;
    if (!isCut) return;
    for (const socket of this.#sockets) {
      const { onclose } = socket;
      socket.onmessage = socket.onclose = null;
      socket.close();
      onclose?.({ code: 1006, reason: "" });
    }
    this.#sockets.clear();
  }
}

function deadSocket() {
  const socket = { readyState: 3, onopen: null, onmessage: null, onclose: null, onerror: null, send() {}, close() {} };
  setTimeout(() => socket.onclose?.({ code: 1006, reason: "" }), 50);
  return socket;
}

function addScreen(user, device) {
  const screen = document.querySelector("#screen").content.firstElementChild.cloneNode(true);
  const name = `${user} · ${device}`;
  const view = screen.querySelector(".view");
  screen.dataset.screen = `${user}-${device}`;
  screen.querySelector("h2").textContent = name;
  screen.querySelector(".face").textContent = user[0];
  view.setAttribute("aria-label", `Screen of ${name}`);
  screen.querySelector("nav").setAttribute("aria-label", `Shop of ${name}`);
  document.querySelector(".screens").append(screen);

  const line = new Line();
  const gateway = createGateway({
    url: new URL(config.websocket, location.href.replace(/^http/, "ws")).href,
    user,
    device: { app: "demo", platform: device },
    trackPages: false,
    environment: { openSocket: line.open },
    autoConnect: false,
  });
  mountBanner(gateway, { target: view, strings: { region: `Service notices for ${name}` } });
  listen(screen, gateway, line);
  go(screen, gateway, "/");
  gateway.connect();
}

function listen(screen, gateway, line) {
  const link = screen.querySelector(".link");
  const cut = screen.querySelector(".cut");
  gateway.on("status", ({ status }) => {
    link.dataset.status = status;
    link.querySelector(".state").textContent = status === "waiting" ? "reconnecting" : status;
  });
  cut.addEventListener("click", () => {
    line.cut(!line.isCut);
    cut.setAttribute("aria-pressed", String(line.isCut));
    if (!line.isCut) gateway.connect();
  });
  for (const button of screen.querySelectorAll("[data-page]")) {
    button.addEventListener("click", () => go(screen, gateway, button.dataset.page));
  }
}

function go(screen, gateway, path) {
  for (const button of screen.querySelectorAll("[data-page]")) {
    if (button.dataset.page === path) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  screen.querySelector(".path").textContent = `shop.example${path}`;
  gateway.setPage(`https://shop.example${path}`, "Kettle & Cup");
}

for (const user of config.users) {
  for (const device of DEVICES[user] ?? ["laptop"]) addScreen(user, device);
}
fillIn(PRESETS.outage);
void keepLooking();
