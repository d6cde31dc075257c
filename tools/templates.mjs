// Formats the templates; with --check it only names those that it would change, and fails.
//
// markup_fmt takes a file for Jinja by its ending .jinja. Ours end in .html, which Flask escapes
// by itself, so they are handed over under another name.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createFromBuffer } from "@dprint/formatter";

const isCheck = process.argv.includes("--check");
const formatter = createFromBuffer(
  readFileSync(new URL(import.meta.resolve("dprint-plugin-markup/plugin.wasm"))),
);
formatter.setConfig(
  { lineWidth: 100, indentWidth: 2 },
  {
    closingTagLineBreakForEmpty: "never",
    preferAttrsSingleLine: true,
  },
);

const files = readdirSync("templates", { recursive: true })
  .filter((name) => name.endsWith(".html"))
  .map((name) => `templates/${name}`);
let faults = 0;
for (const file of files) {
  const before = readFileSync(file, "utf8");
  let after;
  try {
    after = formatter.formatText({ filePath: file.replace(/html$/, "jinja"), fileText: before });
  } catch (error) {
    faults += 1;
    console.error(`${file}: ${error}`);
    continue;
  }
  if (after === before) continue;
  if (isCheck) {
    faults += 1;
    console.error(`${file} is not formatted: make fix`);
  } else {
    writeFileSync(file, after);
  }
}
process.exit(faults ? 1 : 0);
