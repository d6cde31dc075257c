#!/usr/bin/env bash
# cron-schedule 6.0.0 (npm) and pycron 3.3.0 (PyPI): what they do not know, they read as something
# else.
#
# Guess: an expression that a parser does not support is refused. Seen: cron-schedule, which
# promises "all linux cron features", takes the leading digits of a part and drops the rest: `5#2`
# (the second Friday of a month) runs every Friday, `15W` on the 15th, be it a Sunday. pycron knows
# names of days, but names of months and 7 for Sunday never match, so that such a job never runs,
# and `sat-sun` is one day of the two. Neither says so. Who takes a line from a person shows its
# next runs before keeping it. In Callboard nobody types one: the lines are its code's own.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pycron==3.3.0'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts cron-schedule@6.0.0
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { parseCronExpression } from "cron-schedule";

const runs = (line) =>
  parseCronExpression(line)
    .getNextDates(3, new Date(2026, 10, 1, 12))
    .map((run) => `${run.getMonth() + 1}-${run.getDate()}`)
    .join(" ");
console.log("cron-schedule, second Friday:", runs("0 9 * * 5#2"));
console.log("cron-schedule, working day nearest the 15th:", runs("0 9 15W * *"));
assert.strictEqual(runs("0 9 * * 5#2"), "11-6 11-13 11-20");
assert.strictEqual(runs("0 9 15W * *"), "11-15 12-15 1-15"); // 2026-11-15 is a Sunday
JAVASCRIPT
node finding.mjs
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime, timedelta

import pycron

hours = [datetime(2026, 1, 1) + timedelta(hours=hour) for hour in range(24 * 365)]
LINES = {  # runs in 2026: what crontab(5) says, what pycron does
    "0 9 * * mon-fri": (261, 261),
    "0 9 1 11 *": (1, 1),
    "0 9 1 nov *": (1, 0),
    "0 9 * * 0": (52, 52),
    "0 9 * * 7": (52, 0),
    "0 9 * * sat-sun": (104, 52),
}
for line, (meant, seen) in LINES.items():
    count = sum(pycron.is_now(line, hour) for hour in hours)
    print(f"pycron, {line}: {count} runs in 2026 for {meant}")
    assert count == seen
PYTHON
