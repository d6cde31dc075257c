#!/usr/bin/env bash
# nunjucks 3.2.4, @huggingface/jinja 0.5.11, minijinja-js 2.11.0 (npm), Jinja2 3.1.6 (PyPI): a Jinja
# prompt says something else in JavaScript.
#
# Guess: those who offer Jinja in JavaScript lack filters, which raises, and print a list their own
# way. Seen: they differ in what a condition means. To nunjucks an empty list is true, so that
# `{% if documents %}` is taken without documents; 1 equals "1"; what a loop sets stays set after
# it. A comparison of three is false in nunjucks and minijinja-js, and the remainder of a negative
# number another in nunjucks and @huggingface/jinja. Next to nothing raises. Who renders one prompt
# in both asks for a length, `{% if documents | length %}`, and compares by twos. Callboard
# fills in no prompts.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'Jinja2==3.1.6'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
  nunjucks@3.2.4 @huggingface/jinja@0.5.11 minijinja-js@2.11.0
cat > prompts.json <<'JSON'
["{% if documents %}Answer from these:{% else %}Say that you do not know.{% endif %}",
 "{% if level == '1' %}first{% else %}other{% endif %}",
 "{% set last = 'none' %}{% for tag in tags %}{% set last = tag %}{% endfor %}{{ last }}",
 "{% if 3 > level + 1 > 1 %}within{% else %}without{% endif %}",
 "{{ (level - 2) % 24 }}"]
JSON
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

from jinja2 import Template

prompts = json.loads(Path("prompts.json").read_text())
seen = [Template(text).render(documents=[], tags=["a", "b"], level=1) for text in prompts]
print("Jinja2", seen)
assert seen == ["Say that you do not know.", "other", "none", "within", "23"]
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";
import { Environment } from "minijinja-js";
import nunjucks from "nunjucks";

const prompts = JSON.parse(readFileSync("prompts.json", "utf8"));
const values = { documents: [], tags: ["a", "b"], level: 1 };
const rendered = (render) =>
  prompts.map((text) => {
    try {
      return render(text, values);
    } catch (error) {
      return error.name;
    }
  });
const seen = {
  nunjucks: rendered((text) => nunjucks.renderString(text, values)),
  "@huggingface/jinja": rendered((text) => new Template(text).render(values)),
  "minijinja-js": rendered((text) => new Environment().renderStr(text, values)),
};
console.log(seen);
assert.deepStrictEqual(seen, {
  nunjucks: ["Answer from these:", "first", "b", "without", "-1"],
  "@huggingface/jinja": ["Say that you do not know.", "first", "none", "SyntaxError", "-1"],
  "minijinja-js": ["Say that you do not know.", "other", "none", "without", "23"],
});
JAVASCRIPT
node finding.mjs
