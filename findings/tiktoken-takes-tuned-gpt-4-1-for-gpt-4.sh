#!/usr/bin/env bash
# tiktoken 0.14.0 (PyPI), js-tiktoken 1.0.21 (npm): a tuned model is counted with another encoding
# than the model it was tuned from.
#
# Guess: `ft:gpt-4.1-mini-2025-04-14:acme::a1b2c3` has the encoding of gpt-4.1-mini, o200k_base, or
# is refused. Seen: tiktoken finds the encoding of a model that it does not list by the beginning of
# its name, and `ft:gpt-4` is such a beginning and `ft:gpt-4.1` is none, so that it gets cl100k_base,
# without a word; `ft:gpt-4o-…` is right. The German text below counts 25 tokens for 22. js-tiktoken
# knows no tuned model at all, and for davinci-002 it says p50k_base where tiktoken says cl100k_base.
# Who counts before a call takes the base model out of the id first. Callboard counts what the
# provider says it has used.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'tiktoken==0.14.0'
(cd "$folder" && npm install --silent --no-audit --no-fund js-tiktoken@1.0.21 >/dev/null)
cat >"$folder/count.mjs" <<'NODE'
import { getEncoding, getEncodingNameForModel } from "js-tiktoken";

const named = {};
for (const model of ["gpt-4.1-mini", "davinci-002", "ft:gpt-4o-2024-08-06:acme::a1b2c3"]) {
  try {
    named[model] = getEncodingNameForModel(model);
  } catch (error) {
    named[model] = error.message;
  }
}
const text = "Die Kanne fasst anderthalb Liter. Grünen Tee gießt man bei siebzig Grad auf.";
const counts = Object.fromEntries(
  ["o200k_base", "cl100k_base"].map((name) => [name, getEncoding(name).encode(text).length]),
);
console.log(JSON.stringify({ named, counts }));
NODE
(cd "$folder" && node count.mjs) >"$folder/seen.json"
"$folder/venv/bin/python" - "$folder/seen.json" <<'PYTHON'
import json
import sys
from pathlib import Path

from tiktoken.model import encoding_name_for_model

other = json.loads(Path(sys.argv[1]).read_text())
MODELS = {
    "gpt-4.1-mini-2025-04-14": "o200k_base",
    "ft:gpt-4.1-mini-2025-04-14:acme::a1b2c3": "cl100k_base",
    "gpt-4o-2024-08-06": "o200k_base",
    "ft:gpt-4o-2024-08-06:acme::a1b2c3": "o200k_base",
    "davinci-002": "cl100k_base",
}
named = {model: encoding_name_for_model(model) for model in MODELS}
for model, name in named.items():
    print(f"tiktoken, {model}: {name}")
for model, name in other["named"].items():
    print(f"js-tiktoken, {model}: {name}")
print(f"tokens of the same text: {other['counts']}")
assert named == MODELS, named
assert other["named"] == {
    "gpt-4.1-mini": "o200k_base", "davinci-002": "p50k_base",
    "ft:gpt-4o-2024-08-06:acme::a1b2c3": "Unknown model",
}, other
assert other["counts"] == {"o200k_base": 22, "cl100k_base": 25}, other
PYTHON
