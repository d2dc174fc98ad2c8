/** Owns what a close code asks of the client: the number alone says what to do. */

/**
 * `stop` and tell the app; `retry` with full jitter; `wait` for the delay that the node gave; get a
 * new `token`, then retry. Standard codes and lost connections are retried.
 *
 * @param {number | null} code
 * @returns {"stop" | "retry" | "wait" | "token"}
 */
export function afterClose(code) {
  switch (code === null ? 0 : Math.floor(code / 100)) {
    case 40:
      return "stop";
    case 42:
      return "wait";
    case 43:
      return "token";
    default:
      return "retry";
  }
}
