/**
 * Owns the way from a body's tree to the page. Text becomes text nodes and nothing else: no HTML is
 * ever parsed, so there is nothing to escape. Nodes of an unknown type degrade to their text.
 */

import { isRecord } from "../message.js";
import { safeLink } from "./href.js";

/** @typedef {import("../message.js").Node} Node */
/** @typedef {(href: string | undefined) => void} OnLink */

const ELEMENTS = new Map([["strong", "strong"], ["em", "em"], ["p", "p"], ["code", "code"], ["br", "br"]]);
/** A tree deeper or wider than this is not one that the gateway makes. */
const MAX_DEPTH = 16;
const MAX_NODES = 2_000;

/** @typedef {{ link: (label: globalThis.Node[], href: string | undefined) => globalThis.Node, left: number }} Context */

/**
 * @param {readonly Node[] | string} body
 * @param {Context["link"]} link
 * @returns {DocumentFragment}
 */
export function renderBody(body, link) {
  const nodes = typeof body === "string" ? [{ type: "text", text: body }] : body;
  const fragment = document.createDocumentFragment();
  fragment.append(...renderAll(nodes, { link, left: MAX_NODES }, 0));
  return fragment;
}

/**
 * What a body says, without its shape: for announcements.
 *
 * @param {readonly Node[] | string} body
 */
export function textOf(body) {
  const holder = document.createElement("div");
  holder.append(renderBody(body, (label) => asFragment(label)));
  for (const block of holder.querySelectorAll("p, li, br")) block.after(" ");
  return (holder.textContent ?? "").replace(/\s+/g, " ").trim();
}

/**
 * @param {unknown} nodes
 * @param {Context} context
 * @param {number} depth
 * @returns {globalThis.Node[]}
 */
function renderAll(nodes, context, depth) {
  if (!Array.isArray(nodes) || depth > MAX_DEPTH) return [];
  return nodes.filter(isRecord).flatMap((node) => {
    context.left -= 1;
    return context.left < 0 ? [] : [render(node, context, depth + 1)];
  });
}

/**
 * @param {Record<string, any>} node
 * @param {Context} context
 * @param {number} depth
 * @returns {globalThis.Node}
 */
function render(node, context, depth) {
  if (node.type === "list") return renderList(node, context, depth);
  const inside = renderAll(node.children, context, depth);
  if (typeof node.text === "string") inside.unshift(document.createTextNode(node.text));
  if (node.type === "link") return context.link(inside, node.href);
  const name = ELEMENTS.get(node.type);
  return name ? element(name, inside) : asFragment(inside);
}

/**
 * @param {Record<string, any>} node
 * @param {Context} context
 * @param {number} depth
 */
function renderList(node, context, depth) {
  const items = Array.isArray(node.items) ? node.items : [];
  const lines = items.slice(0, MAX_NODES).map((item) => element("li", renderAll(itemNodes(item), context, depth)));
  return element(node.ordered === true ? "ol" : "ul", lines);
}

/**
 * An item is a list of nodes, or a node with children.
 *
 * @param {unknown} item
 */
function itemNodes(item) {
  return isRecord(item) ? [item] : item;
}

/**
 * @param {string} name
 * @param {globalThis.Node[]} children
 */
function element(name, children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

/** @param {globalThis.Node[]} children */
function asFragment(children) {
  const fragment = document.createDocumentFragment();
  fragment.append(...children);
  return fragment;
}

/**
 * A link to a fair address; only its text, where the address is not fair.
 *
 * @param {globalThis.Node[]} label
 * @param {unknown} href
 * @param {string} newWindow what to say of a link that leaves this window
 * @returns {HTMLAnchorElement | DocumentFragment}
 */
export function renderLink(label, href, newWindow) {
  const safe = safeLink(href, location.href);
  if (!safe) return asFragment(label);
  const anchor = document.createElement("a");
  anchor.append(...label);
  anchor.href = safe.href;
  anchor.rel = "noopener noreferrer";
  if (!safe.isExternal) return anchor;
  anchor.target = "_blank";
  const hint = document.createElement("span");
  hint.className = "unseen";
  hint.textContent = ` (${newWindow})`;
  anchor.append(hint);
  return anchor;
}
