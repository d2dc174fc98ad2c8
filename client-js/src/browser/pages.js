/**
 * Owns where the user is. Listens to the Navigation API, and where a browser has none, wraps the two
 * history methods that apps navigate with; the wraps stay, since others may have wrapped them again.
 */

/** @type {Set<() => void>} */
const listeners = new Set();
let isWatching = false;

/** @returns {import("../environment.js").Pages} */
export function browserPages() {
  return {
    current: () => ({ url: location.href, title: document.title }),
    listen(listener) {
      watch();
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

function watch() {
  if (isWatching) return;
  isWatching = true;
  const navigation = /** @type {EventTarget | undefined} */ (Reflect.get(window, "navigation"));
  if (navigation) {
    navigation.addEventListener("currententrychange", changed);
    return;
  }
  wrap("pushState");
  wrap("replaceState");
  window.addEventListener("popstate", changed);
  window.addEventListener("hashchange", changed);
}

/** @param {"pushState" | "replaceState"} name */
function wrap(name) {
  const original = history[name];
  history[name] = function (...args) {
    original.apply(this, args);
    changed();
  };
}

/** A turn later: apps set the title right after they navigated. */
function changed() {
  setTimeout(() => listeners.forEach((listener) => listener()));
}
