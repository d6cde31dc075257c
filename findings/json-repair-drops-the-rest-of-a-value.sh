#!/usr/bin/env bash
# json_repair 0.64.6 (PyPI) and jsonrepair 3.15.0 (npm): "10 MB" without quotes becomes the number
# 10.
#
# Guess: a value that a model forgot to quote is kept as text, as both do for `2026-11-27` and
# `10.0.0.1`. Seen: where it begins with a number and goes on after a blank or a colon, the Python
# one keeps the number and drops the rest: `10:30` is 10, `+49 30 123` is 49, and a date with a time
# makes a new key of the hour. The JavaScript one raises. Leading zeros go as well: `007` is 7 there
# and "007" here. Who runs tools on repaired arguments validates them, and asks the model again
# where it can. Callboard repairs no JSON: it names the line.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'json_repair==0.64.6'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts jsonrepair@3.15.0
"$folder/venv/bin/python" - <<'PYTHON'
import json_repair

REPAIRED = {
    '{"day": 2026-11-27}': {"day": "2026-11-27"},
    '{"size": 10 MB}': {"size": 10},
    '{"at": 10:30, "n": 1}': {"at": 10, "n": 1},
    '{"phone": +49 30 123}': {"phone": 49},
    '{"when": 2026-11-27 10:30, "n": 1}': {"when": "2026-11-27", "10": 30, "n": 1},
    '{"id": 007}': {"id": 7},
}
for text, value in REPAIRED.items():
    print(f"{text}: {json_repair.loads(text)}")
    assert json_repair.loads(text) == value
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { jsonrepair } from "jsonrepair";

assert.strictEqual(jsonrepair('{"day": 2026-11-27}'), '{"day": "2026-11-27"}');
assert.strictEqual(jsonrepair('{"id": 007}'), '{"id": "007"}');
for (const text of ['{"size": 10 MB}', '{"at": 10:30, "n": 1}', '{"phone": +49 30 123}']) {
  assert.throws(() => jsonrepair(text), (error) => {
    console.log(`${text}: ${error.message}`);
    return true;
  });
}
JAVASCRIPT
node finding.mjs
