/** Owns what the headless core gets from a browser by default. The only place for its globals. */

import { browserLifecycle } from "./lifecycle.js";
import { browserPages } from "./pages.js";

/** @typedef {import("../environment.js").Environment} Environment */

const KEEP_KEY = "inapp-gateway.receipts";

/** @returns {Environment} */
export function browserEnvironment() {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    random: () => Math.random(),
    setTimer: (run, delayMs) => setTimeout(run, delayMs),
    clearTimer: (timer) => clearTimeout(timer),
    openSocket: (url, protocols) => new WebSocket(url, protocols),
    lifecycle: browserLifecycle(),
    pages: browserPages(),
    keep: { read: readKept, write: writeKept },
    whereabouts: () => ({
      locale: document.documentElement.lang || navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    }),
    report: (error) => reportError(error),
  };
}

function readKept() {
  try {
    return sessionStorage.getItem(KEEP_KEY);
  } catch {
    return null; // storage is switched off: what was not said is lost with the page
  }
}

/** @param {string | null} text */
function writeKept(text) {
  try {
    if (text === null) sessionStorage.removeItem(KEEP_KEY);
    else sessionStorage.setItem(KEEP_KEY, text);
  } catch {
    // as above
  }
}
