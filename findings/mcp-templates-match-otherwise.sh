#!/usr/bin/env bash
# @modelcontextprotocol/sdk 1.32.2 (npm), mcp 2.3.0 (PyPI): one resource template, one URI, other
# values.
#
# Guess: `{id}` of a template gives the server what the client put in, as it does in Python. Seen:
# the JavaScript `UriTemplate` encodes when it expands and does not decode when it matches, so that
# a server gets "a%20b" for "a b", even from its own client. `{?lang}` need not be there in Python,
# and in any order; in JavaScript `docs://1` does not match `docs://{id}{?lang}`, nor do two
# parameters the other way round, and without `{?…}` the query is part of the id. Expanding
# `{?tag*}` gives one "a,b" instead of two tags, and `{id:2}` nothing. Who serves resources in
# JavaScript decodes each value, and makes a template for each set of parameters. Callboard serves
# no MCP yet.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mcp==2.3.0'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
  @modelcontextprotocol/sdk@1.32.2 zod@4.6.7
cat > cases.json <<'JSON'
[["docs://{id}", "docs://a%20b"],
 ["docs://{id}{?q,lang}", "docs://1"],
 ["docs://{id}{?q,lang}", "docs://1?lang=de&q=x"],
 ["docs://{id}{?q,lang}", "docs://1?q=x&lang=de"]]
JSON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { UriTemplate } from "@modelcontextprotocol/sdk/shared/uriTemplate.js";

const cases = JSON.parse(readFileSync("cases.json", "utf8"));
const seen = cases.map(([template, uri]) => new UriTemplate(template).match(uri));
const one = new UriTemplate("docs://{id}");
const expanded = [
  one.match(one.expand({ id: "a b" })).id,
  one.match("docs://a?lang=de").id,
  new UriTemplate("docs://x{?tag*}").expand({ tag: ["a", "b"] }),
  new UriTemplate("docs://{id:2}").expand({ id: "abc" }),
];
console.log("JavaScript:", seen, expanded);
assert.deepStrictEqual(seen, [{ id: "a%20b" }, null, null, { id: "1", q: "x", lang: "de" }]);
assert.deepStrictEqual(expanded, ["a%20b", "a?lang=de", "docs://x?tag=a,b", "docs://"]);
JAVASCRIPT
node finding.mjs
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
from pathlib import Path

from mcp import Client
from mcp.server.mcpserver import MCPServer


def plain(id: str) -> str:
    return json.dumps({"id": id})


def queried(id: str, q: str = "", lang: str = "") -> str:
    return json.dumps({"id": id, "q": q, "lang": lang})


async def read(template: str, uri: str) -> dict[str, str]:
    server = MCPServer("finding")
    server.resource(template)(queried if "?" in template else plain)
    async with Client(server) as client:
        return json.loads((await client.read_resource(uri)).contents[0].text)


cases = json.loads(Path("cases.json").read_text())
seen = [asyncio.run(read(template, uri)) for template, uri in cases]
print("Python:", seen)
both = {"id": "1", "q": "x", "lang": "de"}
assert seen == [{"id": "a b"}, {"id": "1", "q": "", "lang": ""}, both, both]
PYTHON
