/**
 * Owns the weight that pages pay: bundles and minifies each entry, and fails when it outgrows its
 * budget. `npm run size`.
 */

import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Bytes, minified and gzipped (docs/client.md states the same). */
const BUDGETS = [
  { name: "headless core", entry: "gateway.js", budget: 6_000 },
  { name: "headless core with browser defaults", entry: "index.js", budget: 7_000 },
  { name: "everything, banner included", entry: "sdk.js", budget: 14_000 },
];

/** @param {string} entry */
async function sizeOf(entry) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../src/${entry}`, import.meta.url))],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

for (const { name, entry, budget } of BUDGETS) {
  const bytes = await sizeOf(entry);
  const isOver = bytes > budget;
  console.log(`${isOver ? "OVER " : "ok   "}${String(bytes).padStart(6)} of ${budget} bytes  ${name} (${entry})`);
  if (isOver) process.exitCode = 1;
}
