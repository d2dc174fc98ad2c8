/** The package's front door: the headless client, on browser defaults. Draws nothing. */

import { browserEnvironment } from "./browser/environment.js";
import { Gateway } from "./gateway.js";

/** @typedef {import("./gateway.js").GatewayOptions} GatewayOptions */
/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./listeners.js").EventName} EventName */
/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {import("./environment.js").Environment} Environment */
/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("./message.js").Node} Node */
/** @typedef {import("./message.js").Action} Action */

/**
 * Make a client and connect it.
 *
 * @param {GatewayOptions & { autoConnect?: boolean, environment?: Partial<Environment> }} options
 *   `environment` replaces parts of the browser, for tests and for other hosts
 */
export function createGateway({ autoConnect = true, environment, ...options }) {
  const gateway = new Gateway({ ...browserEnvironment(), ...environment }, options);
  if (autoConnect) gateway.connect();
  return gateway;
}

export { Gateway };
export { isResolved, rank } from "./message.js";
