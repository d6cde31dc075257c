#!/usr/bin/env bash
# semantic-version 2.10.0 (PyPI) and semver 7.7.4 (npm): one range of npm, two answers.
#
# Guess: `NpmSpec` of the Python library reads ranges as npm's own library does. Seen: for caret,
# tilde and hyphen ranges it does; but an upper bound that stands alone lets in what comes right
# behind it. `<2.0.0` takes the candidate 2.0.0-rc.1, which npm leaves out because nobody asked for
# candidates (`>=1.0.0 <2.0.0` leaves it out in both), and `<=2.0.0-rc.2` takes the release 2.0.0,
# which is higher than the bound: so a client that is held at a candidate is given the release.
# node-semver 0.9.0 (PyPI) answers as npm does. Callboard orders versions, and reads no ranges.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts semver@7.7.4
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check semantic-version==2.10.0 node-semver==0.9.0
cat > pairs.json <<'JSON'
[["^1.2.0", "1.3.0-rc.1"], ["1.2 - 1.4", "1.4.9"], ["<2.0.0", "2.0.0-rc.1"],
 [">=1.0.0 <2.0.0", "2.0.0-rc.1"], ["<=2.0.0-rc.2", "2.0.0"]]
JSON
cat > finding.py <<'PYTHON'
import json
from pathlib import Path

import nodesemver
from semantic_version import NpmSpec, Version

pairs = json.loads(Path("pairs.json").read_text())
print(json.dumps([NpmSpec(range_).match(Version(version)) for range_, version in pairs]))
print(json.dumps([nodesemver.satisfies(version, range_) for range_, version in pairs]))
PYTHON
cat > finding.cjs <<'JAVASCRIPT'
const { readFileSync } = require("node:fs");
const { satisfies } = require("semver");

const pairs = JSON.parse(readFileSync("pairs.json", "utf8"));
console.log(JSON.stringify(pairs.map(([range, version]) => satisfies(version, range))));
JAVASCRIPT
expect() {
  echo "$1: $2"
  [ "$2" = "$3" ] || { echo "expected $3"; exit 1; }
}
expect "semver of npm" "$(node finding.cjs)" '[false,true,false,false,false]'
expect "semantic-version, then node-semver" "$(venv/bin/python finding.py | paste -sd' ')" \
  '[false, true, true, false, true] [false, true, false, false, false]'
