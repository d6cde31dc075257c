#!/usr/bin/env bash
# jiter 0.19.0, pydantic 2.14.4 (PyPI), partial-json 0.1.7 (npm): of a stream, half a number is
# whole.
#
# Guess: a reader of unfinished JSON that leaves out a text until its closing quote leaves out a
# number until something follows it. Seen: `{"amount": 12` of an amount of 1250 is 12, also with
# jiter's `partial_mode="on"` and pydantic's `experimental_allow_partial`, which both hold back half
# a text. One chunk later it is 1250. Who shows or acts on streamed arguments waits for the end of
# the call, or for the comma after a number. Callboard reads only whole JSON.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'jiter==0.19.0' 'pydantic==2.14.4'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts partial-json@0.1.7
"$folder/venv/bin/python" - <<'PYTHON'
import jiter
from pydantic import TypeAdapter
from typing_extensions import TypedDict


class Refund(TypedDict, total=False):
    order: str
    amount: int


adapter = TypeAdapter(Refund)
for text, value in {
    '{"order": "A-1': {},
    '{"order": "A-17", "amount": 1': {"order": "A-17", "amount": 1},
    '{"order": "A-17", "amount": 12': {"order": "A-17", "amount": 12},
}.items():
    ours = jiter.from_json(text.encode(), partial_mode="on")
    theirs = adapter.validate_json(text, experimental_allow_partial="on")
    print(f"{text}  jiter {ours}, pydantic {theirs}")
    assert ours == theirs == value
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { Allow, parse } from "partial-json";

const all = parse('{"order": "A-17", "amount": 12');
const noTexts = parse('{"order": "A-17", "amount": 12', Allow.ALL & ~Allow.STR);
console.log("partial-json:", all, "without half texts:", noTexts);
assert.strictEqual(all.amount, 12);
assert.strictEqual(noTexts.amount, 12);
JAVASCRIPT
node finding.mjs
