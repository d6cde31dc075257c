#!/usr/bin/env bash
# rfc6902 5.4.0 and fast-json-patch 3.1.1 (npm): a valid "move" of JSON Patch ends elsewhere, or
# nowhere.
#
# Guess: a move means "remove, then add" (RFC 6902, 4.4), so that indices in `path` count without
# the moved item. Seen: jsonpatch 1.48 (PyPI) does so, and its make_patch writes such moves. rfc6902
# looks `path` up before it removes, and puts the item into the wrong group without an error.
# fast-json-patch, which AG-UI's client uses for state, puts it right, but refuses
# (OPERATION_PATH_UNRESOLVABLE) where the path is there only after the removal. Who sends patches
# across languages writes a remove and an add; Callboard takes no JSON Patch.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'jsonpatch==1.48'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts rfc6902@5.4.0 fast-json-patch@3.1.1
cat > cases.json <<'JSON'
[[[{"in": ["a"]}, {"in": ["b"]}, {"in": ["c"]}],
  {"op": "move", "from": "/0", "path": "/1/in/0"}],
 [["new", "old", {"in": ["c"]}],
  {"op": "move", "from": "/0", "path": "/1/in/0"}]]
JSON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import fast from "fast-json-patch";
import { applyPatch } from "rfc6902";

const seen = [];
for (const [document, move] of JSON.parse(readFileSync("cases.json", "utf8"))) {
  const copy = structuredClone(document);
  const [error] = applyPatch(copy, [move]);
  seen.push(error ? error.name : JSON.stringify(copy));
  try {
    seen.push(JSON.stringify(fast.applyPatch(document, [move], true, false).newDocument));
  } catch (refusal) {
    seen.push(refusal.name);
  }
}
console.log("rfc6902:        ", seen[0], "·", seen[2]);
console.log("fast-json-patch:", seen[1], "·", seen[3]);
assert.deepStrictEqual(seen, [
  '[{"in":[{"in":["a"]},"b"]},{"in":["c"]}]',
  '[{"in":["b"]},{"in":[{"in":["a"]},"c"]}]',
  "MissingError",
  "OPERATION_PATH_UNRESOLVABLE",
]);
JAVASCRIPT
node finding.mjs
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

import jsonpatch

cases = json.loads(Path("cases.json").read_text())
results = [jsonpatch.apply_patch(document, [move]) for document, move in cases]
print("jsonpatch:      ", *map(json.dumps, results))
assert results == [
    [{"in": ["b"]}, {"in": [{"in": ["a"]}, "c"]}],
    ["old", {"in": ["new", "c"]}],
]
PYTHON
