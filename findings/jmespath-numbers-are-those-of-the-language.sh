#!/usr/bin/env bash
# jmespath 1.1.0 (PyPI), jmespath 0.16.0 and @jmespath-community/jmespath 1.3.0 (npm): `to_number`
# reads what its language reads.
#
# Guess: a text is a number where it is one in JSON, else `to_number` gives null, as the
# specification says. Seen: in Python "1_000", "nan", "Infinity" and other scripts' digits are
# numbers, and NaN comes out, which is no JSON; in JavaScript "" is 0 and "0x10" is 16. A comparison
# of a text with a number is an error in Python, true in one JavaScript library, and null in the
# other. Who keeps one expression for several languages compares numbers only, and tries it in each
# of them. Callboard evaluates no expressions.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'jmespath==1.1.0'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
  jmespath@0.16.0 @jmespath-community/jmespath@1.3.0
cat > expressions.txt <<'EXPRESSIONS'
to_number('')
to_number('0x10')
to_number('1_000')
to_number('nan')
to_number('12.5')
amount > `5`
EXPRESSIONS
cat > finding.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import * as community from "@jmespath-community/jmespath";
import jmespath from "jmespath";

const lines = readFileSync("expressions.txt", "utf8").trim().split("\n");
const results = (library) => lines.map((line) => library.search({ amount: "10" }, line));
console.log(JSON.stringify([results(jmespath), results(community)]));
JAVASCRIPT
node finding.mjs > javascript.json
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

import jmespath
from jmespath.exceptions import JMESPathError


def result(line: str) -> object:
    try:
        return jmespath.search(line, {"amount": "10"})
    except (JMESPathError, TypeError) as error:
        return type(error).__name__


lines = Path("expressions.txt").read_text().splitlines()
python = [repr(result(line)) for line in lines]
javascript = json.loads(Path("javascript.json").read_text())
old, community = (list(map(repr, results)) for results in javascript)
for line, *results in zip(lines, python, old, community, strict=True):
    print(f"{line}: Python {results[0]}, JavaScript {results[1]} and {results[2]}")
assert python == ["None", "None", "1000", "nan", "12.5", "'TypeError'"]
assert old == ["0", "16", "None", "None", "12.5", "True"]
assert community == ["0", "16", "None", "None", "12.5", "None"]
PYTHON
