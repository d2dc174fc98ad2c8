/**
 * Owns the colours of a banner, as data: the style sheet is made from them, and a test computes the
 * contrast of every pair (4.5:1 for text; the focus ring and the icon have the colour of the text).
 */

/** @typedef {{ background: string, text: string }} Pair */

/** @type {Record<string, { light: Pair, dark: Pair }>} */
export const PALETTE = {
  info: {
    light: { background: "#e4effc", text: "#0b3b75" },
    dark: { background: "#10294a", text: "#cfe3fd" },
  },
  minor: {
    light: { background: "#fdf0c4", text: "#594000" },
    dark: { background: "#3c2f06", text: "#fbe6a2" },
  },
  major: {
    light: { background: "#a33f00", text: "#ffffff" },
    dark: { background: "#702c02", text: "#ffe6d6" },
  },
  critical: {
    light: { background: "#b0121d", text: "#ffffff" },
    dark: { background: "#7d0f18", text: "#ffe5e6" },
  },
  resolved: {
    light: { background: "#dff3e4", text: "#0d4a22" },
    dark: { background: "#0f3620", text: "#c9f0d5" },
  },
};
