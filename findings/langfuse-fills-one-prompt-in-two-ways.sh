#!/usr/bin/env bash
# langfuse 5.0.4 (PyPI) and @langfuse/client 5.11.1 (npm): one stored prompt reads differently in
# each.
#
# Guess: a prompt that is kept in one place is filled in alike by both SDKs. Seen: JavaScript has
# all of Mustache, Python only names between two braces. A variable that was not given is left as
# `{{name}}` in Python and is empty in JavaScript; sections, comments and `{{order.id}}` work there
# and are sent to the model as they are here; a list is "a,b" there and "['a', 'b']" here. For
# LangChain, JavaScript does not rewrite `{{ name }}` with blanks, which LangChain then takes for a
# literal. Who uses both keeps to `{{name}}`, gives every variable, and gives text. Callboard fills
# in nothing.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'langfuse==5.0.4'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @langfuse/client@5.11.1
cat > prompts.json <<'JSON'
["{{name}}", "{{missing}}", "{{tags}}", "{{order.id}}",
 "{{#tags}}<{{.}}>{{/tags}}", "{{! for the editor }}Hi", "{{open}}"]
JSON
cat > values.json <<'JSON'
{"name": "Ada", "tags": ["a", "b"], "order": {"id": 7}, "open": true}
JSON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { TextPromptClient } from "@langfuse/client";

const read = (name) => JSON.parse(readFileSync(name, "utf8"));
const client = (prompt) =>
  new TextPromptClient({ name: "p", version: 1, type: "text", prompt, labels: [], tags: [] });
const seen = read("prompts.json").map((prompt) => client(prompt).compile(read("values.json")));
console.log("JavaScript:", JSON.stringify(seen));
assert.deepStrictEqual(seen, ["Ada", "", "a,b", "7", "<a><b>", "Hi", "true"]);
assert.strictEqual(client("{{ name }}").getLangchainPrompt(), "{{ name }}");
JAVASCRIPT
node finding.mjs
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

from langfuse.api import Prompt_Text
from langfuse.model import TextPromptClient


def client(text: str) -> TextPromptClient:
    return TextPromptClient(
        Prompt_Text(name="p", version=1, type="text", prompt=text, config={}, labels=[], tags=[])
    )


prompts, values = (json.loads(Path(f"{name}.json").read_text()) for name in ("prompts", "values"))
seen = [client(prompt).compile(**values) for prompt in prompts]
print("Python:    ", json.dumps(seen))
assert seen == ["Ada", prompts[1], "['a', 'b']", *prompts[3:6], "True"]
assert client("{{ name }}").get_langchain_prompt() == "{name}"
PYTHON
