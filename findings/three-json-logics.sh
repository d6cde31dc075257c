#!/usr/bin/env bash
# json-logic-js 2.0.5 (npm), json-logic-qubit 0.9.1, panzi-json-logic 1.0.1 (PyPI): one rule, three
# answers.
#
# Guess: JSON Logic exists so that a rule means the same on server and browser. Seen: for ordinary
# rules they differ: null against false is equal in both Python libraries and not in JavaScript; a
# missing number is at most 0 in two of the three; the remainder of a negative number has the sign
# of its language; text is joined from `None` and `1.0`. And both Python packages install the module
# `json_logic`, so that whichever comes last replaces the other without a word. Who shares rules
# tries each against both sides. Callboard evaluates no rules.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts json-logic-js@2.0.5
for package in json-logic-qubit==0.9.1 panzi-json-logic==1.0.1; do
  python3 -m venv "$package"
  "$package/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cat > rules.json <<'JSON'
[{"==": [null, false]},
 {"<=": [{"var": "missing"}, 0]},
 {"%": [-5, 3]},
 {"cat": ["limit ", 1.0, " ", {"var": "missing"}]},
 {"<": [1, {"var": "n"}, 3]}]
JSON
cat > finding.py <<'PYTHON'
import json
from pathlib import Path

from json_logic import jsonLogic

rules = json.loads(Path("rules.json").read_text())
print(json.dumps([jsonLogic(rule, {"n": 2}) for rule in rules]))
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import jsonLogic from "json-logic-js";

const rules = JSON.parse(readFileSync("rules.json", "utf8"));
console.log(JSON.stringify(rules.map((rule) => jsonLogic.apply(rule, { n: 2 }))));
JAVASCRIPT
expect() {
  echo "$1: $2"
  [ "$2" = "$3" ] || { echo "expected $3"; exit 1; }
}
expect JavaScript "$(node finding.mjs)" '[false,true,-2,"limit 1 ",true]'
expect qubit "$(json-logic-qubit==0.9.1/bin/python finding.py)" \
  '[true, false, 1, "limit 1.0 None", true]'
expect panzi "$(panzi-json-logic==1.0.1/bin/python finding.py)" \
  '[true, true, 1, "limit 1 null", true]'
