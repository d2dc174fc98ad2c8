/**
 * Owns what a message is here: the wire's object, checked, completed and frozen. Nothing from the
 * socket reaches the app or the screen without passing `parseMessage`. Knows nothing of the page.
 */

/** @typedef {"info" | "minor" | "major" | "critical"} Severity */

/**
 * One piece of a body. Unknown types are kept; a renderer shows their text.
 *
 * @typedef {object} Node
 * @property {string} type `text`, `strong`, `em`, `code`, `link`, `br`, `p` or `list`
 * @property {string} [text]
 * @property {string} [href]
 * @property {boolean} [ordered]
 * @property {readonly Node[]} [children]
 * @property {readonly (readonly Node[])[]} [items]
 */

/**
 * @typedef {object} Action
 * @property {string} id
 * @property {string} label
 * @property {string} intent `open`, `dismiss`, `custom`, …
 * @property {string} [href]
 */

/**
 * @typedef {object} IncidentUpdate
 * @property {string} at
 * @property {string} status
 * @property {string | readonly Node[]} body
 */

/**
 * @typedef {object} Incident
 * @property {string} status Statuspage's words
 * @property {string} [impact]
 * @property {readonly IncidentUpdate[]} updates oldest first
 */

/**
 * A message as on the wire (see docs/protocol.md), deeply frozen; keys that this version does not
 * know are kept.
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {number} revision
 * @property {string} kind
 * @property {Severity} severity
 * @property {Incident | null} incident
 * @property {{ title?: string, body: readonly Node[], actions: readonly Action[] }} content
 * @property {boolean} dismissible
 * @property {number} priority
 * @property {string} [expires_at]
 * @property {string} [created_at]
 * @property {string} [locale]
 */

/** Severities, the worst last. @type {readonly Severity[]} */
const SEVERITIES = ["info", "minor", "major", "critical"];
/** The kinds that this version can hand to a renderer. */
const KINDS = new Set(["banner", "prompt", "notification", "toast"]);
const FINAL = new Set(["resolved", "completed"]);
/** Above `info`, below `minor`. */
const RESOLVED_RANK = 0.5;

/**
 * @param {unknown} raw
 * @returns {Message | null} null for what is not a message
 */
export function parseMessage(raw) {
  if (!isRecord(raw) || typeof raw.id !== "string" || raw.id === "") return null;
  if (!Number.isSafeInteger(raw.revision) || typeof raw.kind !== "string") return null;

  const { severity, priority } = raw;
  const message = {
    .../** @type {any} */ (raw),
    severity: SEVERITIES.includes(severity) ? severity : "info",
    incident: parseIncident(raw.incident),
    content: parseContent(raw.content),
    dismissible: raw.dismissible !== false,
    priority: typeof priority === "number" ? priority : 0,
  };
  return deepFreeze(message);
}

/** @param {Message} message */
export function isKnownKind(message) {
  return KINDS.has(message.kind);
}

/**
 * True when the incident or the maintenance is over and the message only says so.
 *
 * @param {Message} message
 */
export function isResolved(message) {
  return message.incident !== null && FINAL.has(message.incident.status);
}

/**
 * How much a message matters. That something is over is news, but comes after whatever is not.
 *
 * @param {Message} message
 */
export function rank(message) {
  return isResolved(message) ? RESOLVED_RANK : SEVERITIES.indexOf(message.severity);
}

/**
 * When the message ends, in the node's milliseconds; never, when it does not say.
 *
 * @param {Message} message
 */
export function expiresAt(message) {
  const at = Date.parse(message.expires_at ?? "");
  return Number.isNaN(at) ? Infinity : at;
}

/** @param {unknown} raw */
function parseContent(raw) {
  const content = isRecord(raw) ? raw : {};
  const body = typeof content.body === "string" ? [{ type: "text", text: content.body }] : content.body;
  return {
    ...content,
    title: typeof content.title === "string" ? content.title : undefined,
    body: list(body, isRecord),
    actions: list(content.actions, isAction).map((action) => ({ intent: "open", ...action })),
  };
}

/** @param {unknown} raw */
function parseIncident(raw) {
  if (!isRecord(raw) || typeof raw.status !== "string") return null;
  return { ...raw, updates: list(raw.updates, isUpdate) };
}

/** @param {unknown} value */
function isAction(value) {
  return isRecord(value) && typeof value.id === "string" && typeof value.label === "string";
}

/** @param {unknown} value */
function isUpdate(value) {
  if (!isRecord(value) || typeof value.status !== "string") return false;
  return typeof value.body === "string" || Array.isArray(value.body);
}

/**
 * @param {unknown} value
 * @param {(item: unknown) => boolean} isFit
 * @returns {any[]}
 */
function list(value, isFit) {
  return Array.isArray(value) ? value.filter(isFit) : [];
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
export function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @template T
 * @param {T} value
 * @returns {T}
 */
function deepFreeze(value) {
  if (typeof value !== "object" || value === null) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
