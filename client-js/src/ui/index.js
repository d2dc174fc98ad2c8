/** The default UI's front door. */

export { mountBanner } from "./banner.js";
export { ENGLISH } from "./strings.js";

/** @typedef {import("./banner.js").BannerOptions} BannerOptions */
/** @typedef {import("./strings.js").Strings} Strings */
