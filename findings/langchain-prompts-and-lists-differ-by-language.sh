#!/usr/bin/env bash
# langchain-core 1.8.3 (PyPI), @langchain/core 1.4.0 (npm): one prompt and one answer are read in
# two ways.
#
# Guess: what has one name in both languages does the same, or raises. Seen: `{{name}}` of a
# mustache prompt is escaped for HTML in Python, so that the model gets "A &amp; B", and is not in
# JavaScript. CommaSeparatedListOutputParser keeps "green, dark" in quotes together in Python and
# cuts it in JavaScript, quotes and all, and a list of lines is one item there. XMLOutputParser
# drops what is mixed: of `<a>not <b>now</b></a>` Python keeps "not", JavaScript "now". Who shares
# prompts writes `{{{name}}}`, and asks for JSON. Callboard fills in no prompts.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'langchain-core==1.8.3'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @langchain/core@1.4.0
cat > cases.json <<'JSON'
{"prompt": "Is {{name}} right?", "name": "A & B if x < 5",
 "lists": ["red, \"green, dark\"", "red, green\nblue, black"], "xml": "<a>not <b>now</b></a>"}
JSON
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

from langchain_core.output_parsers import CommaSeparatedListOutputParser, XMLOutputParser
from langchain_core.prompts import PromptTemplate

cases = json.loads(Path("cases.json").read_text())
prompt = PromptTemplate.from_template(cases["prompt"], template_format="mustache")
seen = [
    prompt.format(name=cases["name"]),
    [CommaSeparatedListOutputParser().parse(text) for text in cases["lists"]],
    XMLOutputParser(parser="xml").parse(cases["xml"]),
]
print("Python:    ", seen)
assert seen == [
    "Is A &amp; B if x &lt; 5 right?",
    [["red", "green, dark"], ["red", "green", "blue", "black"]],
    {"a": "not "},
]
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { CommaSeparatedListOutputParser, XMLOutputParser } from "@langchain/core/output_parsers";
import { PromptTemplate } from "@langchain/core/prompts";

const cases = JSON.parse(readFileSync("cases.json", "utf8"));
const prompt = PromptTemplate.fromTemplate(cases.prompt, { templateFormat: "mustache" });
const lists = new CommaSeparatedListOutputParser();
const seen = [
  await prompt.format({ name: cases.name }),
  await Promise.all(cases.lists.map((text) => lists.parse(text))),
  await new XMLOutputParser().parse(cases.xml),
];
console.log("JavaScript:", JSON.stringify(seen));
assert.deepStrictEqual(seen, [
  "Is A & B if x < 5 right?",
  [["red", '"green', 'dark"'], ["red", "green\nblue", "black"]],
  { a: [{ b: "now" }] },
]);
JAVASCRIPT
node finding.mjs
