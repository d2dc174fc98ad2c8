import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

import { Gateway } from "../src/gateway.js";
import { PALETTE } from "../src/ui/palette.js";
import { makeGateway } from "./fakes.js";

const read = (path) => readFile(new URL(path, import.meta.url), "utf8");
const page = await read("../../docs/client.md");
const missing = (words) => [...words].filter((word) => !new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(page));

/** Every first group that the pattern finds in a source file. */
async function namesIn(path, pattern) {
  const code = await read(`../src/${path}`);
  const names = new Set([...code.matchAll(pattern)].map((match) => match[1]));
  assert.ok(names.size > 0, `${path}: nothing found`);
  return names;
}

describe("docs/client.md names", () => {
  it("every method", () => {
    const methods = Object.getOwnPropertyNames(Gateway.prototype).filter((name) => name !== "constructor");
    assert.deepEqual(missing([...methods, "subscribe", "getSnapshot"]), []);
  });

  it("every field of the snapshot, and of the connection's state", () => {
    const snapshot = makeGateway().gateway.getSnapshot();
    assert.deepEqual(missing([...Object.keys(snapshot), ...Object.keys(snapshot.connection)]), []);
  });

  it("every option of the client and of the banner", async () => {
    const options = await namesIn("gateway.js", /^ \* @property {.*} \[?(\w+)\]?.*$/gm);
    const banner = await namesIn("ui/banner.js", /^ \* @property {.*} \[(\w+)\]/gm);
    assert.deepEqual(missing([...options, ...banner]), []);
  });

  it("every event", async () => {
    const [union] = await namesIn("listeners.js", /@typedef {(.*)} EventName/g);
    assert.deepEqual(missing(union.match(/\w+/g)), []);
  });

  it("every attribute of the script tag", async () => {
    const read = await namesIn("sdk.js", /(?:data-|dataset\.|data\?\.)([a-z][\w-]*)/g);
    const attributes = ["url", "token-url", "token-method", "user", "locale", "position", "theme", "ui"];
    assert.deepEqual([...read].filter((name) => !attributes.includes(name)), []);
    assert.deepEqual(missing(attributes.map((name) => `data-${name}`)), []);
  });

  it("every status, and every reason of the client's own", async () => {
    const [statuses] = await namesIn("connection.js", /@property {("idle".*)} status/g);
    const reasons = await namesIn("connection.js", /"([a-z]+_[a-z_]+)"/g);
    reasons.delete("idle");
    assert.deepEqual(missing(statuses.match(/\w+/g).filter((status) => status !== "idle")), []);
    assert.deepEqual(missing([...reasons].filter((reason) => reason !== "expires_at")), []);
  });

  it("every custom property and part", async () => {
    const parts = await namesIn("ui/banner.js", /part: "(\w+)"/g);
    assert.deepEqual(missing([...parts, "--inapp-font", "--inapp-z-index", ...Object.keys(PALETTE)]), []);
  });
});
