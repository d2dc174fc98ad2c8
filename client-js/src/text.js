/**
 * Owns making a page's own words fit for the wire: the node refuses a frame with control characters
 * or half an emoji in it, and a page may have either in its title.
 */

const CONTROL = /[\u0000-\u001f]/g;

/**
 * @param {string | undefined} text
 * @param {number} length
 */
export function clip(text = "", length) {
  return text.replace(CONTROL, " ").slice(0, length).toWellFormed();
}
