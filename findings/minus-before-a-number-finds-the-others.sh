#!/usr/bin/env bash
# tantivy 0.27.0 (PyPI), lunr 2.3.9 (npm): who searches for "error -32601" gets every error but that
# one.
#
# Guess: a minus counts where a query is written in the library's own language, and a question as it
# was typed can be given to it. Seen: there is one parser, and a word with a minus before it is one
# to leave out. The codes of JSON-RPC, which MCP and A2A use, are all negative. So the one document
# that explains the code is the one that is not found, while others are, and nothing looks amiss. A
# word before a colon is a field: lunr raises for `note: refunds`, and `parse_query_lenient` of
# tantivy finds nothing. In double quotes tantivy finds the code. Who takes questions makes the
# query out of terms instead. Callboard's search knows no operators.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'tantivy==0.27.0'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts lunr@2.3.9
cat > documents.json <<'JSON'
["Error -32601 says that there is no such method.",
 "Error -32602 says that the parameters are wrong.",
 "A note about refunds and errors."]
JSON
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

import tantivy

builder = tantivy.SchemaBuilder()
builder.add_text_field("body", stored=True, tokenizer_name="en_stem")
index = tantivy.Index(builder.build())
writer = index.writer()
documents = json.loads(Path("documents.json").read_text())
for text in documents:
    writer.add_document(tantivy.Document(body=text))
writer.commit()
index.reload()
searcher = index.searcher()


def found(text: str) -> list[int]:
    query, _errors = index.parse_query_lenient(text, ["body"])
    hits = searcher.search(query, 10).hits
    return sorted(documents.index(searcher.doc(address)["body"][0]) for _, address in hits)


queries = ["error -32601", "what does error -32601 mean", '"error -32601"', "note: refunds"]
seen = {text: found(text) for text in queries}
print("tantivy:", seen)
assert list(seen.values()) == [[1, 2], [1, 2], [0], []]
PYTHON
cat > finding.cjs <<'JAVASCRIPT'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const lunr = require("lunr");

const documents = JSON.parse(readFileSync("documents.json", "utf8"));
const index = lunr(function () {
  this.ref("id");
  this.field("body");
  documents.forEach((body, id) => this.add({ id, body }));
});
const found = (text) => index.search(text).map((hit) => Number(hit.ref)).sort();
const seen = ["error -32601", "what does error -32601 mean", "error 32601"].map(found);
console.log("lunr:", seen);
assert.deepStrictEqual(seen, [[1, 2], [1, 2], [0, 1, 2]]);
assert.throws(() => found("note: refunds"), lunr.QueryParseError);
JAVASCRIPT
node finding.cjs
