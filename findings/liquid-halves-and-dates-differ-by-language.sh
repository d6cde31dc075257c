#!/usr/bin/env bash
# liquidjs 10.30.1 (npm), python-liquid 2.3.6 (PyPI): the same prompt in Liquid says other numbers
# and another day.
#
# Guess: both render what Shopify's Liquid renders, but for odd corners. Seen: `7 | divided_by: 2` is
# 3.5 in liquidjs (whole numbers divide to whole numbers in Liquid: 3, as python-liquid says);
# `2.5 | round` is 3 in liquidjs and 2 in python-liquid, which rounds to the even one; a time with an
# offset is shown in the zone of its own by python-liquid and moved to the machine's by liquidjs, so
# that the day is another; `true | append` says "true" and "True"; 1.0 says "1" and "1.0"; "\n" in a
# quoted text is a line end in liquidjs only. Who fills the same prompt in a browser and on a server
# passes texts, and no filters. Callboard fills prompts in one place.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'python-liquid==2.3.6'
(cd "$folder" && npm install --silent --no-audit --no-fund liquidjs@10.30.1 >/dev/null)
cat >"$folder/prompts.json" <<'JSON'
{
  "data": {"people": 7, "stars": 2.5, "factor": 1.0, "open": true, "at": "2026-03-01T23:30:00-05:00"},
  "templates": [
    "{{ people | divided_by: 2 }}", "{{ stars | round }}", "{{ factor }}",
    "{{ open | append: '!' }}", "{{ at | date: '%Y-%m-%d %H:%M' }}",
    "{{ people | plus: 1 }}", "{{ stars | times: 2 }}"
  ]
}
JSON
cat >"$folder/fill.mjs" <<'NODE'
import { readFileSync } from "node:fs";
import { Liquid } from "liquidjs";

const { data, templates } = JSON.parse(readFileSync("prompts.json"));
const engine = new Liquid();
console.log(JSON.stringify(templates.map((template) => engine.parseAndRenderSync(template, data))));
NODE
(cd "$folder" && TZ=UTC node fill.mjs) >"$folder/javascript.json"
(cd "$folder" && TZ=UTC "$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

from liquid import Environment

prompts = json.loads(Path("prompts.json").read_text())
browser = json.loads(Path("javascript.json").read_text())
server = [
    Environment().from_string(template).render(**prompts["data"])
    for template in prompts["templates"]
]
for template, here, there in zip(prompts["templates"], browser, server, strict=True):
    print(f"{template}: liquidjs {here!r}, python-liquid {there!r}")
assert browser == ["3.5", "3", "1", "true!", "2026-03-02 04:30", "8", "5"], browser
assert server == ["3", "2", "1.0", "True!", "2026-03-01 23:30", "8", "5.0"], server
PYTHON
)
