#!/usr/bin/env bash
# handlebars 4.7.10, dotprompt 1.1.2 (npm): two numbers side by side are added up.
#
# Guess: `{{major}}{{minor}}` with 1 and 2 is "12", as it is with escaping and in Mustache. Seen:
# with `noEscape`, or with triple braces, a template or block that begins with two placeholders
# gives "3". Text before them makes it "12" again. Dotprompt always switches escaping off, so its
# prompts do it: a list of hours and minutes becomes a list of sums. Who exports a prompt to it puts
# text between two placeholders, or gives numbers as text. Callboard keeps instructions as plain
# text and fills in none.
#
# Installs from npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts handlebars@4.7.10 dotprompt@1.1.2
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import Handlebars from "handlebars";
import { Dotprompt } from "dotprompt";

const release = { major: 1, minor: 2 };
const plain = (text, options) => Handlebars.compile(text, options)(release);
const prompt = async (text, input) =>
  (await new Dotprompt().render(text, { input })).messages[0].content[0].text;

const seen = {
  "handlebars, escaping": plain("{{major}}{{minor}}"),
  "handlebars, noEscape": plain("{{major}}{{minor}}", { noEscape: true }),
  "handlebars, three braces": plain("{{{major}}}{{{minor}}}"),
  "handlebars, noEscape after text": plain("v{{major}}{{minor}}", { noEscape: true }),
  dotprompt: await prompt("{{major}}{{minor}}", release),
  "dotprompt, in a list": await prompt("At: {{#each times}}{{hour}}{{minute}} {{/each}}", {
    times: [{ hour: 10, minute: 30 }, { hour: 9, minute: 15 }],
  }),
};
console.log(seen);
assert.deepStrictEqual(Object.values(seen), ["12", "3", "3", "v12", "3", "At: 40 24 "]);
JAVASCRIPT
node finding.mjs
