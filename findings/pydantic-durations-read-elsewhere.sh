#!/usr/bin/env bash
# pydantic 2.14.4 (PyPI): 400 days become "P1Y35D", which other readers take for a calendar year.
#
# Guess: a timedelta has no years, so its JSON is "P400D". Seen: from 365 days on, pydantic writes
# years of 365 days. luxon 3.7.2 (npm) and isodate 0.7.2 (PyPI) add a calendar year, one day more
# where a 29 February lies between. A negative one, "-PT5M", is read by iso8601-duration 2.1.4 (npm)
# as plus five minutes, without an error. pydantic itself reads both back as they were. Who sends
# durations sends a number; Callboard's API sends milliseconds.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'pydantic==2.14.4' 'isodate==0.7.2'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts luxon@3.7.2 iso8601-duration@2.1.4
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import date, timedelta
from pathlib import Path

import isodate
from pydantic import TypeAdapter

adapter = TypeAdapter(timedelta)
values = timedelta(days=400), timedelta(minutes=-5)
retention, grace = (adapter.dump_python(value, mode="json") for value in values)
due = date(2027, 6, 1) + timedelta(days=400), date(2027, 6, 1) + isodate.parse_duration(retention)
print("pydantic:", retention, grace, "· due:", due[0], "· by isodate:", due[1])
assert (retention, grace) == ("P1Y35D", "-PT5M")
assert adapter.validate_python(retention) == timedelta(days=400)
assert due == (date(2028, 7, 5), date(2028, 7, 6))
Path("durations.txt").write_text(f"{retention} {grace}")
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { parse, toSeconds } from "iso8601-duration";
import { DateTime, Duration } from "luxon";

const [retention, grace] = readFileSync("durations.txt", "utf8").split(" ");
const due = DateTime.fromISO("2027-06-01").plus(Duration.fromISO(retention)).toISODate();
console.log("luxon:", due, "· iso8601-duration:", toSeconds(parse(grace)), "seconds");
assert.strictEqual(due, "2028-07-06");
assert.strictEqual(toSeconds(parse(grace)), 300);
JAVASCRIPT
node finding.mjs
