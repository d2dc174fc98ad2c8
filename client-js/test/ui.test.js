import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { describe, it } from "node:test";

import { safeLink } from "../src/ui/href.js";
import { PALETTE } from "../src/ui/palette.js";
import { ENGLISH, fill } from "../src/ui/strings.js";

describe("colours", () => {
  for (const [look, themes] of Object.entries(PALETTE)) {
    for (const [theme, { background, text }] of Object.entries(themes)) {
      it(`${look} in ${theme}: text stands out by 4.5:1 at least (P4, WCAG 1.4.3)`, () => {
        const ratio = contrast(background, text);
        assert.ok(ratio >= 4.5, `${ratio.toFixed(2)}:1`);
      });

      it(`${look} in ${theme}: so it does on a button under the pointer`, () => {
        const ratio = contrast(mix(text, background, 0.14), text);
        assert.ok(ratio >= 4.5, `${ratio.toFixed(2)}:1`);
      });
    }
  }

  it("there is one pair for each severity, and for what is over", () => {
    assert.deepEqual(Object.keys(PALETTE), ["info", "minor", "major", "critical", "resolved"]);
  });
});

describe("addresses", () => {
  const page = "https://shop.example/cart/?step=2";
  const good = [
    ["https://status.example/incidents/1", "https://status.example/incidents/1", true],
    ["https://shop.example/help", "https://shop.example/help", false],
    ["mailto:help@shop.example", "mailto:help@shop.example", false],
    ["/status", "https://shop.example/status", false],
    ["pay", "https://shop.example/cart/pay", false],
    ["?a=1", "https://shop.example/cart/?a=1", false],
    ["#top", "https://shop.example/cart/?step=2#top", false],
    ["./pay:now", "https://shop.example/cart/pay:now", false],
  ];
  for (const [href, resolved, isExternal] of good) {
    it(`${href} is fair`, () => assert.deepEqual(safeLink(href, page), { href: resolved, isExternal }));
  }

  const bad = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "java\tscript:alert(1)", "\u0001javascript:alert(1)", " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)", "file:///etc/passwd", "blob:https://shop.example/1", "filesystem:https://x/",
    "about:blank", "view-source:https://shop.example", "ftp://shop.example", "ws://shop.example", "intent://scan/#Intent;end", "tel:+1",
    "//evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "https:evil.example\\@shop.example", "http://shop.example/", "https://", "https:///",
    "", null, undefined, 7, {}, [], ["javascript:alert(1)"],
  ];
  for (const href of bad) {
    it(`${JSON.stringify(href)} is no link`, () => {
      const safe = safeLink(href, page);
      assert.ok(safe === null || new URL(safe.href).protocol === "https:", JSON.stringify(safe));
      if (typeof href === "string" && !/^https:/.test(href)) assert.equal(safe, null);
    });
  }

  it("http is allowed where the page itself is http", () => {
    assert.deepEqual(safeLink("http://localhost:9/x", "http://localhost:8000/demo"), { href: "http://localhost:9/x", isExternal: true });
  });
});

describe("words", () => {
  it("are filled in by name, and an unknown name stays", () => {
    assert.equal(fill("{index} of {count} {x}", { index: 2, count: 3 }), "2 of 3 {x}");
  });

  it("there is one for every severity and every status of Statuspage", () => {
    const names = ["info", "minor", "major", "critical"].map((name) => `severity_${name}`);
    const statuses = ["investigating", "identified", "monitoring", "resolved", "scheduled", "in_progress", "verifying", "completed"];
    for (const key of [...names, ...statuses.map((name) => `status_${name}`)]) assert.ok(ENGLISH[key], key);
  });
});

describe("the source", () => {
  const root = new URL("../src/", import.meta.url);

  it("of the headless core names no page, no window and no storage", async () => {
    const names = (await readdir(root)).filter((name) => name.endsWith(".js") && name !== "sdk.js");
    for (const name of names) {
      const code = withoutComments(await readFile(new URL(name, root), "utf8"));
      const found = code.match(/\b(document|window|navigator|location|history|localStorage|sessionStorage|setTimeout|Date\.now|Math\.random|performance|WebSocket)\b(?!")/);
      assert.equal(found, null, `${name}: ${found?.[0]}`);
    }
  });

  it("never parses HTML, never evaluates text, never writes an inline style, never asks for push", async () => {
    for (const name of (await readdir(root, { recursive: true })).filter((one) => one.endsWith(".js"))) {
      const code = withoutComments(await readFile(new URL(name, root), "utf8"));
      const found = code.match(/innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|\beval\b|new Function|setAttribute\("style"|\.style\b|cssText|Notification\b\.|PushManager|serviceWorker/);
      assert.equal(found, null, `${name}: ${found?.[0]}`);
    }
  });

  it("imports nothing but its own files", async () => {
    for (const name of (await readdir(root, { recursive: true })).filter((one) => one.endsWith(".js"))) {
      const code = await readFile(new URL(name, root), "utf8");
      for (const [, from] of code.matchAll(/^(?:import|export)[^"]*from "([^"]+)"/gm)) assert.match(from, /^\.\.?\/[\w/-]+\.js$/, name);
    }
  });

  it("a file stays near 400 lines", async () => {
    for (const name of (await readdir(root, { recursive: true })).filter((one) => one.endsWith(".js"))) {
      const lines = (await readFile(new URL(name, root), "utf8")).split("\n");
      assert.ok(lines.length <= 401, `${name}: ${lines.length} lines`);
    }
  });
});

/** WCAG 2.2, contrast ratio. */
function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = channels(colour).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mix(colour, into, share) {
  const base = channels(into);
  const mixed = channels(colour).map((value, i) => Math.round(value * share + base[i] * (1 - share)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

function channels(colour) {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

function withoutComments(code) {
  return code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}
