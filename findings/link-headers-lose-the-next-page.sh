#!/usr/bin/env bash
# httpx 0.28.1 and requests 2.34.2 (PyPI): some next pages of a Link header are lost, or are another
# one.
#
# Guess: `response.links` holds each relation of a Link header under its name, as RFC 8288 has it.
# Seen: both take `rel="next last"`, two names of one link, for one name with a blank, and miss
# `REL=` in capitals, so that a loop over `links["next"]` ends early; and both end a target at its
# first semicolon, so that `/runs?q=a;b&page=2` is `/runs?q=a`, and the loop begins again.
# http-link-header 1.1.4 (npm) reads them all. Who gives pages writes one link for each relation, in
# small letters, and semicolons as `%3B`, which Werkzeug leaves as they are. So does Callboard.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'httpx==0.28.1' 'requests==2.34.2'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts http-link-header@1.1.4
cat > headers.txt <<'HEADERS'
</runs?page=2>; rel=next
</runs?page=2>; rel="next last"
</runs?page=2>; REL=next
</runs?q=a;b&page=2>; rel=next
HEADERS
"$folder/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import httpx
import requests

seen = []
for header in Path("headers.txt").read_text().splitlines():
    other = requests.Response()
    other.headers["Link"] = header
    both = httpx.Response(200, headers={"Link": header}).links, other.links
    found = [links.get("next", {}).get("url") for links in both]
    print(f"{header}: next page in httpx and requests", found)
    seen.append(found)
assert seen == [["/runs?page=2"] * 2, [None] * 2, [None] * 2, ["/runs?q=a"] * 2]
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import LinkHeader from "http-link-header";

const headers = readFileSync("headers.txt", "utf8").trim().split("\n");
const found = headers.map((header) => LinkHeader.parse(header).get("rel", "next")[0].uri);
console.log("http-link-header:", found);
assert.deepStrictEqual(found, [...Array(3).fill("/runs?page=2"), "/runs?q=a;b&page=2"]);
JAVASCRIPT
node finding.mjs
