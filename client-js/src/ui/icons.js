/** Owns the drawings: one shape per look, so that colour is never the only sign. */

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} */
const PATHS = {
  info: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 11v5.5M12 7.5v.01",
  minor: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 7.5v5.5M12 16.5v.01",
  major: "M12 3.5L2.5 20h19zM12 10v4.5M12 17.3v.01",
  critical: "M8.2 2.8h7.6l5.4 5.4v7.6l-5.4 5.4H8.2l-5.4-5.4V8.2zM12 7.5v5.5M12 16.5v.01",
  resolved: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M8 12.2l2.8 2.8L16 9.5",
  close: "M6 6l12 12M18 6L6 18",
  next: "M9.5 6l6 6l-6 6",
  previous: "M14.5 6l-6 6l6 6",
};

/** @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? PATHS.info);
  svg.append(path);
  return svg;
}
