#!/usr/bin/env bash
# langchain-core 1.8.3 (PyPI), @langchain/core 1.4.0 (npm): an answer that was cut off is a result.
#
# Guess: an output parser mends unfinished JSON while the answer streams, and raises where the whole
# answer is unfinished, as the JavaScript one does. Seen: in Python `parse` mends as well. An answer
# that ended at the limit of tokens loses its last items, or has 12 for 1250, and passes; what the
# schema allows to be absent is absent, and PydanticOutputParser is content too. Of two documents
# one after the other the first is taken. Who parses answers looks at the finish reason first.
# Callboard reads only whole JSON.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'langchain-core==1.8.3' 'pydantic==2.14.4'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @langchain/core@1.4.0
cat > answers.json <<'JSON'
["{\"refused\": [\"order 17\", \"order 1", "{\"total\": 12", "{\"refused\": [], \"approved\": tru",
 "{\"total\": 1} {\"total\": 2}"]
JSON
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from pydantic import BaseModel


class Answer(BaseModel):
    refused: list[str] = []
    total: int | None = None
    approved: bool = False


answers = json.loads(Path("answers.json").read_text())
plain = [JsonOutputParser().parse(text) for text in answers]
models = [PydanticOutputParser(pydantic_object=Answer).parse(text) for text in answers]
print("Python:", plain)
assert plain == [{"refused": ["order 17", "order 1"]}, {"total": 12}, {"refused": []}, {"total": 1}]
assert [model.model_dump(exclude_unset=True) for model in models] == plain
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { JsonOutputParser } from "@langchain/core/output_parsers";

const parser = new JsonOutputParser();
for (const text of JSON.parse(readFileSync("answers.json", "utf8"))) {
  await assert.rejects(() => parser.parse(text), SyntaxError);
}
console.log("JavaScript: a SyntaxError each");
JAVASCRIPT
node finding.mjs
