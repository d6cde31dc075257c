#!/usr/bin/env bash
# ical.js 2.2.1 (npm): five ordinary repetition rules mean other days than in dateutil 2.9.0 (PyPI).
#
# Guess: parsers of RFC 5545 agree on rules without zones. Seen: dateutil, and rrule of npm too,
# agree on every rule tried. ical.js leaves out BYSETPOS unless the rule is monthly by weekday, so
# that "the first working day of the week" runs each working day; it takes the 20th Monday of a
# year, and the Monday of week 20, for every Monday; and it runs 29 February on 1 March, which the
# RFC says to skip. Nothing is refused. Who shows a schedule's next runs asks the code that will run
# it. Callboard offers no schedules.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'python-dateutil==2.9.0.post0'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ical.js@2.2.1
cat > rules.txt <<'RULES'
2026-02-02 FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1
2026-01-30 FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1
2026-05-18 FREQ=YEARLY;BYDAY=20MO
2026-05-11 FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO
2024-02-29 FREQ=YEARLY
RULES
cat > finding.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

for (const line of readFileSync("rules.txt", "utf8").trim().split("\n")) {
  const [start, rule] = line.split(" ");
  const runs = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromString(`${start}T09:00:00`));
  console.log([1, 2, 3, 4].map(() => runs.next().toString().slice(0, 10)).join(" "));
}
JAVASCRIPT
node finding.mjs > ical.txt
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime
from itertools import islice
from pathlib import Path

from dateutil.rrule import rrulestr

theirs = Path("ical.txt").read_text().splitlines()
for line, other in zip(Path("rules.txt").read_text().splitlines(), theirs, strict=True):
    start, rule = line.split()
    runs = islice(rrulestr(rule, dtstart=datetime.fromisoformat(f"{start}T09:00:00")), 4)
    ours = " ".join(run.strftime("%Y-%m-%d") for run in runs)
    print(f"{rule}\n  dateutil {ours}\n  ical.js  {other}")
    assert ours != other, "They agree now."
assert theirs[0] == "2026-02-02 2026-02-03 2026-02-04 2026-02-05"
assert theirs[4] == "2024-02-29 2025-03-01 2026-03-01 2027-03-01"
PYTHON
