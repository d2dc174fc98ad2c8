/**
 * What the headless core needs from outside, as types only: the core never reaches for a global
 * clock, timer, socket or page by itself. Browser defaults live in `browser/`; tests bring fakes.
 */

/**
 * The parts of a WebSocket that are used.
 *
 * @typedef {object} Socket
 * @property {number} readyState 1 while frames can be sent
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage its `data` is the frame
 * @property {((event: any) => void) | null} onclose its `code` and `reason` say why
 * @property {((event: any) => void) | null} onerror
 * @property {(text: string) => void} send
 * @property {(code?: number, reason?: string) => void} close
 */

/**
 * Something happened to the page: `resume` is a return from the back/forward cache, `leave` the
 * last chance to say something.
 *
 * @typedef {"visible" | "hidden" | "active" | "idle" | "online" | "offline" | "resume" | "leave"} LifecycleEvent
 */

/**
 * Whether somebody is looking, and what happens to the page.
 *
 * @typedef {object} Lifecycle
 * @property {() => boolean} isVisible
 * @property {() => boolean} isActive true when there was input within the last minute
 * @property {(listener: (event: LifecycleEvent) => void) => () => void} listen returns the way to stop
 */

/**
 * Where the user is.
 *
 * @typedef {object} Pages
 * @property {() => { url: string, title: string }} current
 * @property {(listener: () => void) => () => void} listen calls on each navigation; returns the way to stop
 */

/**
 * One small text that outlives the page, for this tab.
 *
 * @typedef {object} Keep
 * @property {() => string | null} read
 * @property {(text: string | null) => void} write
 */

/**
 * @typedef {object} Environment
 * @property {() => number} now wall clock, milliseconds since the epoch
 * @property {() => number} monotonic milliseconds that never jump
 * @property {() => number} random from 0 up to 1
 * @property {(run: () => void, delayMs: number) => any} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {(url: string, protocols: string[]) => Socket} openSocket
 * @property {Lifecycle} lifecycle
 * @property {Pages} pages
 * @property {Keep} keep
 * @property {() => { locale?: string, timezone?: string }} whereabouts
 * @property {(error: unknown) => void} report says that a listener of the app threw
 */

export {};
