#!/usr/bin/env bash
# dbos 3.4.0: on SQLite a workflow's times have whole seconds only.
#
# Guess: `created_at` and `started_at_epoch_ms` say "milliseconds" and so can tell how long a
# workflow waited in its queue. Seen: on SQLite both always end with 000, so that every wait reads
# as 0 ms or a multiple of 1000 ms. Who measures or sorts by them has to note the time themselves.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'dbos==3.4.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sqlite3
import time

from dbos import DBOS, SetWorkflowID

DBOS(config={"name": "finding", "system_database_url": "sqlite:///times.sqlite3", "log_level": "ERROR"})


@DBOS.workflow()
def work() -> None:
    time.sleep(0.01)


DBOS.launch()
queue = DBOS.register_queue("work", worker_concurrency=4)
handles = []
for number in range(12):
    with SetWorkflowID(f"run-{number}"):
        handles.append(queue.enqueue(work))
    time.sleep(0.137)
for handle in handles:
    handle.get_result()
DBOS.destroy()
rows = sqlite3.connect("times.sqlite3").execute(
    "SELECT created_at, started_at_epoch_ms FROM workflow_status WHERE workflow_uuid LIKE 'run-%'"
).fetchall()
print("created_at, started_at_epoch_ms:", rows[:3])
fractions = {value % 1000 for row in rows for value in row if value is not None}
print("milliseconds within the second:", sorted(fractions))
assert len(rows) == 12
assert fractions == {0}, "They have milliseconds now."
PYTHON
