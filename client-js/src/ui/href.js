/**
 * Owns which addresses a message may lead to. The node checks them too; a client that trusts nobody
 * is the last to look. Only https, mailto, paths of this site, and http where the page itself is http.
 */

/** Browsers drop tabs and newlines, and read a backslash as a slash: never a fair address. */
const UNFAIR = /[\u0000-\u0020\u007f\\]/;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/**
 * @param {unknown} href
 * @param {string} base the page's own address
 * @returns {{ href: string, isExternal: boolean } | null} null: not a link
 */
export function safeLink(href, base) {
  if (typeof href !== "string" || href === "" || UNFAIR.test(href)) return null;
  try {
    const page = new URL(base);
    const url = new URL(href, page);
    const isExternal = url.origin !== page.origin;
    if (!SCHEME.test(href) && isExternal) return null;
    if (!allowedFrom(page).includes(url.protocol)) return null;
    return { href: url.href, isExternal: isExternal && url.protocol !== "mailto:" };
  } catch {
    return null;
  }
}

/** @param {URL} page */
function allowedFrom(page) {
  return page.protocol === "http:" ? ["https:", "mailto:", "http:"] : ["https:", "mailto:"];
}
