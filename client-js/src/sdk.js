/**
 * The whole client for one line of HTML:
 *
 *     <script type="module" src="https://gateway.example.com/sdk.js" data-token-url="/token"></script>
 *
 * Owns reading that tag. `data-token-url` answers `{"token": "…"}` to a POST (`data-token-method`
 * says otherwise) with the page's cookies; 401 and 403 mean that nobody is signed in. `data-user`
 * stands in for it in `gateway dev`, `data-url` names another gateway, `data-position="static"` lets
 * the banner scroll away, `data-theme` is `light` or `dark`, and `data-ui="none"` draws nothing.
 * The client is `window.inappGateway`, and the export `gateway`; null where the tag says neither
 * who the user is nor how to find out.
 */

import { createGateway } from "./index.js";
import { mountBanner } from "./ui/banner.js";

export * from "./index.js";
export { mountBanner };

/** @typedef {import("./index.js").Gateway} Gateway */

/** A module cannot ask which tag loaded it; these two attributes are for no other. */
const TAG = "script[type=module][data-token-url], script[type=module][data-user]";

/**
 * @param {DOMStringMap} data
 * @returns {Gateway}
 */
function start({ url, tokenUrl, tokenMethod = "POST", user, locale }) {
  return createGateway({
    url: url ?? defaultUrl(),
    ...(tokenUrl ? { getToken: () => fetchToken(tokenUrl, tokenMethod) } : { user }),
    ...(locale && { locale }),
  });
}

/** The gateway that this file came from: it is served as `/client/sdk.js`. */
function defaultUrl() {
  const url = new URL("../v1/ws", import.meta.url);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/**
 * @param {string} url
 * @param {string} method
 * @returns {Promise<string | null>}
 */
async function fetchToken(url, method) {
  const headers = { accept: "application/json" };
  const answer = await fetch(url, { method, headers, credentials: "include", cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) return null;
  const { token } = answer.ok ? await answer.json() : {};
  if (typeof token !== "string") throw new Error(`No token in the answer of ${url} (${answer.status})`);
  return token;
}

/**
 * @param {DOMStringMap} data
 * @returns {import("./ui/banner.js").BannerOptions}
 */
function bannerOptions({ position, theme }) {
  return {
    position: position === "static" ? "static" : "sticky",
    theme: theme === "light" || theme === "dark" ? theme : "auto",
  };
}

const data = /** @type {HTMLElement | null} */ (document.querySelector(TAG))?.dataset;

export const gateway = data ? start(data) : null;
if (gateway) Reflect.set(window, "inappGateway", gateway);
if (gateway && data?.ui !== "none") mountBanner(gateway, bannerOptions(data ?? {}));
