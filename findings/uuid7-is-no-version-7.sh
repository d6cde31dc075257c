#!/usr/bin/env bash
# uuid7 0.1.0, uuid_utils 1.2.0 (PyPI), uuid 14.0.3 (npm): the package "uuid7" makes ids of the
# year 2203.
#
# Guess: ids of version 7 are the same in each library, milliseconds first (RFC 9562), so that rows
# of several services sort by time. Seen: `uuid7()` of the package of that name follows a draft
# of before, with seconds in its first 36 bits, and marks its ids as version 7 all the same. Where a
# service in JavaScript or another Python library writes into the same table, all of its rows sort
# behind everything from the other, however new; who reads the time from an id, or deletes and pages
# by it, gets a date 176 years ahead. uuid_utils and uuid agree. Callboard makes and reads its ids
# itself.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'uuid7==0.1.0' 'uuid_utils==1.2.0'
npm install --silent --no-audit --no-fund --ignore-scripts uuid@14.0.3
cat > finding.py <<'PYTHON'
from datetime import datetime, timezone
from uuid import UUID

import uuid_utils
from uuid_extensions import uuid7

old, new = uuid7(), UUID(str(uuid_utils.uuid7()))
for made in (old, new):
    milliseconds = made.int >> 80
    assert made.version == 7, made
    print(made, datetime.fromtimestamp(milliseconds / 1000, timezone.utc).date())
seconds = old.int >> 92
ahead = (old.int >> 80) / 1000 / (365.25 * 86400) - seconds / (365.25 * 86400)
assert 170 < ahead < 190, ahead
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import { v7 } from "uuid";

console.log(v7());
JAVASCRIPT
venv/bin/python finding.py | tee seen
node finding.mjs | tee -a seen
cut -d' ' -f1 seen > made
# the first was made before the other two, and stands behind them
[ "$(sort made | tail -n 1)" = "$(head -n 1 made)" ]
