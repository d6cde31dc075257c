#!/usr/bin/env bash
# dotprompt 1.1.2 (npm) and dotpromptz 0.2.0 (PyPI): front matter that is no YAML is part of the
# prompt.
#
# Guess: both refuse a prompt file whose front matter cannot be read. Seen: the Python one raises
# FrontmatterError; the JavaScript one writes to stderr, and renders without an error: the model,
# the schema and the title are gone, and the front matter itself is sent as the user's words. One
# unquoted colon in a title is enough. Who reads such files checks the front matter first. Callboard
# imports agents as JSON, where what cannot be read is refused.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'dotpromptz==0.2.0'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts dotprompt@1.1.2
cat > refunds.prompt <<'PROMPT'
---
model: acme/large
title: Refunds: the second level
---
Answer {{name}}.
PROMPT
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { Dotprompt } from "dotprompt";

console.error = () => {};
const rendered = await new Dotprompt().render(readFileSync("refunds.prompt", "utf8"), {
  input: { name: "Ada" },
});
console.log("JavaScript:", rendered.model, JSON.stringify(rendered.messages));
assert.strictEqual(rendered.model, undefined);
assert.match(rendered.messages[0].content[0].text, /^---\nmodel: acme\/large[^]*Answer Ada/);
JAVASCRIPT
node finding.mjs
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
from pathlib import Path

from dotpromptz import Dotprompt, FrontmatterError
from dotpromptz.typing import DataArgument

text, data = Path("refunds.prompt").read_text(), DataArgument(input={"name": "Ada"})
try:
    asyncio.run(Dotprompt().render(text, data))
except FrontmatterError as refusal:
    print("Python:", refusal)
else:
    raise AssertionError("Python renders it now, too.")
PYTHON
