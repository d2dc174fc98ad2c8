/** Owns whether somebody is looking at this page, from the browser's own events. */

/** @typedef {import("../environment.js").LifecycleEvent} LifecycleEvent */

/** PROTOCOL §1: active means input within the last minute. */
const IDLE_AFTER_MS = 60_000;
const INPUT = ["pointerdown", "pointermove", "keydown", "wheel", "scroll", "touchstart"];

/** @returns {import("../environment.js").Lifecycle} */
export function browserLifecycle() {
  let inputAt = performance.now();
  const isActive = () => performance.now() - inputAt < IDLE_AFTER_MS;

  return {
    isVisible: () => document.visibilityState === "visible",
    isActive,
    listen(listener) {
      const stop = new AbortController();
      const { signal } = stop;
      const input = watchInput(listener, isActive, () => (inputAt = performance.now()));

      for (const name of INPUT) window.addEventListener(name, input.note, { capture: true, passive: true, signal });
      document.addEventListener("visibilitychange", () => listener(isHidden() ? "hidden" : "visible"), { signal });
      window.addEventListener("online", () => listener("online"), { signal });
      window.addEventListener("offline", () => listener("offline"), { signal });
      window.addEventListener("pageshow", (event) => event.persisted && listener("resume"), { signal });
      window.addEventListener("pagehide", () => listener("leave"), { signal });
      return () => {
        stop.abort();
        input.stop();
      };
    },
  };
}

function isHidden() {
  return document.visibilityState === "hidden";
}

/**
 * One timer, set when input stops counting as recent; nothing but an assignment per event.
 *
 * @param {(event: LifecycleEvent) => void} listener
 * @param {() => boolean} isActive
 * @param {() => void} stamp
 */
function watchInput(listener, isActive, stamp) {
  let wasActive = true;
  /** @type {ReturnType<typeof setTimeout>} */
  let timer = setTimeout(look, IDLE_AFTER_MS);

  function look() {
    if (isActive()) {
      timer = setTimeout(look, IDLE_AFTER_MS / 4);
    } else {
      wasActive = false;
      listener("idle");
    }
  }
  function note() {
    stamp();
    if (wasActive) return;
    wasActive = true;
    timer = setTimeout(look, IDLE_AFTER_MS);
    listener("active");
  }
  return { note, stop: () => clearTimeout(timer) };
}
