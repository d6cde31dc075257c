#!/usr/bin/env bash
# jsonpath-plus 11.3.0, jsonpath-rfc9535 1.3.0 (npm), python-jsonpath 2.2.2 (PyPI): filters of the
# standard find nothing.
#
# Guess: a path of RFC 9535 gives what it gives elsewhere, or an error. Seen: jsonpath-plus finds
# nothing, and raises nothing, for a filter without parentheses, which is how the standard writes
# them, for its functions `length`, `count` and `match`, and for the index -1. With parentheses it
# asks JavaScript, to which "9" is more than 5, null less than 9, and 0 the same as absent. And
# jsonpath-rfc9535, made for the standard, finds nothing for an index within a filter, `@.tags[0]`.
# python-jsonpath is right in all. Who keeps one path for several languages tries it in each of
# them. Callboard evaluates no paths.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'python-jsonpath==2.2.2'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
  jsonpath-plus@11.3.0 jsonpath-rfc9535@1.3.0
cat > runs.json <<'JSON'
[{"id": "a", "cost": 10, "tags": ["x", "y"]}, {"id": "b", "cost": "9", "tags": []},
 {"id": "c", "cost": 0, "tags": ["y"]}]
JSON
cat > paths.json <<'JSON'
["$[-1].id", "$[?@.cost > 5].id", "$[?count(@.tags[*]) == 1].id", "$[?match(@.id, '[ab]')].id",
 "$[?(@.cost > 5)].id", "$[?(@.cost)].id", "$[?(@.tags[0] == 'x')].id"]
JSON
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

import jsonpath

runs, paths = (json.loads(Path(name).read_text()) for name in ("runs.json", "paths.json"))
seen = ["".join(jsonpath.findall(path, runs)) for path in paths]
print("python-jsonpath: ", seen)
assert seen == ["c", "a", "c", "ab", "a", "abc", "a"]
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { JSONPath } from "jsonpath-plus";
import { query } from "jsonpath-rfc9535";

const [runs, paths] = ["runs.json", "paths.json"].map((name) => JSON.parse(readFileSync(name)));
const plus = paths.map((path) => JSONPath({ path, json: runs }).join(""));
const rfc = paths.map((path) => query(runs, path).join(""));
console.log("jsonpath-plus:   ", plus);
console.log("jsonpath-rfc9535:", rfc);
assert.deepStrictEqual(plus, ["", "", "", "", "ab", "ab", "a"]);
assert.deepStrictEqual(rfc, ["c", "a", "c", "ab", "a", "abc", ""]);
JAVASCRIPT
node finding.mjs
