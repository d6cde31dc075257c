#!/usr/bin/env bash
# opentelemetry-api 1.45.2 (PyPI) and @opentelemetry/core 2.12.1 (npm): "Acme Ltd" arrives as
# "Acme+Ltd".
#
# Guess: baggage is percent-encoded, as W3C Baggage says, so that what one SDK sends the other
# reads. Seen: Python encodes as forms do, with "+" for a blank, in names as well; JavaScript
# decodes by the letter and keeps the plus. The other way round a plus that stands for itself, which
# the standard allows, becomes a blank in Python. An entry's properties (`;ttl=5`) are part of the
# value in Python; an empty value is no entry in JavaScript. Who puts an organization or a session
# into baggage takes ids without blanks. Callboard sends and reads no baggage.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'opentelemetry-api==1.45.2'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
  @opentelemetry/api@1.9.1 @opentelemetry/core@2.12.1
"$folder/venv/bin/python" - <<'PYTHON'
from pathlib import Path

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator

propagator = W3CBaggagePropagator()
sent: dict[str, str] = {}
propagator.inject(sent, context=baggage.set_baggage("organization", "Acme Ltd"))
read = baggage.get_all(propagator.extract({"baggage": "plan=a+b,team=x;ttl=5,note="}))
print("Python sends", sent["baggage"], "· reads", dict(read))
assert sent["baggage"] == "organization=Acme+Ltd"
assert dict(read) == {"plan": "a b", "team": "x;ttl=5", "note": ""}
Path("header.txt").write_text(sent["baggage"])
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import {
  defaultTextMapGetter, defaultTextMapSetter, propagation, ROOT_CONTEXT,
} from "@opentelemetry/api";
import { W3CBaggagePropagator } from "@opentelemetry/core";

const propagator = new W3CBaggagePropagator();
const read = (baggage) => {
  const context = propagator.extract(ROOT_CONTEXT, { baggage }, defaultTextMapGetter);
  const entries = propagation.getBaggage(context).getAllEntries();
  return Object.fromEntries(entries.map(([name, entry]) => [name, entry.value]));
};
const sent = {};
const baggage = propagation.createBaggage({ organization: { value: "Acme Ltd" } });
propagator.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), sent, defaultTextMapSetter);
const theirs = read(readFileSync("header.txt", "utf8"));
console.log("JavaScript sends", sent.baggage, "· reads Python's as", theirs);
assert.strictEqual(sent.baggage, "organization=Acme%20Ltd");
assert.deepStrictEqual(theirs, { organization: "Acme+Ltd" });
assert.deepStrictEqual(read("plan=a+b,team=x;ttl=5,note="), { plan: "a+b", team: "x" });
JAVASCRIPT
node finding.mjs
