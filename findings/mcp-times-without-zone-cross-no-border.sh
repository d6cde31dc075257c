#!/usr/bin/env bash
# mcp 2.3.0 (PyPI) and @modelcontextprotocol/sdk 1.32.2 (npm): the client refuses what the server
# checked.
#
# Guess: a tool in Python that returns a pydantic model, with the schema made from it, works with
# any client. Seen: the JavaScript client goes by the letter of formats and raises -32602: for a
# datetime or a time without a zone, since "date-time" and "time" ask for one, and for a negative
# timedelta, "-PT5M", since "duration" has no sign. An integer above 2^53 passes, as another
# integer. Python's client takes them all. Who serves tools gives times a zone, durations in
# seconds, and large numbers as text. Callboard's times have a zone, and its ids are text.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mcp==2.3.0' 'pydantic==2.14.4'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @modelcontextprotocol/sdk@1.32.2
cat > server.py <<'PYTHON'
from datetime import UTC, datetime, time, timedelta
from typing import Any

from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, create_model

server = MCPServer("values")
VALUES = {
    "zoned": datetime(2026, 11, 27, 10, tzinfo=UTC),
    "naive": datetime(2026, 11, 27, 10),
    "time": time(10),
    "later": timedelta(minutes=5),
    "earlier": timedelta(minutes=-5),
    "large": 2**60 + 1,
}


def serve(name: str, value: Any) -> None:
    model: type[BaseModel] = create_model(name, value=(type(value), ...))

    def tool() -> BaseModel:
        return model(value=value)

    tool.__name__, tool.__annotations__ = name, {"return": model}
    server.tool()(tool)


for name, value in VALUES.items():
    serve(name, value)
server.run("stdio")
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const client = new Client({ name: "finding", version: "1" });
const command = "venv/bin/python";
await client.connect(new StdioClientTransport({ command, args: ["server.py"], stderr: "ignore" }));
const seen = {};
for (const { name } of (await client.listTools()).tools) {
  seen[name] = await client.callTool({ name, arguments: {} }).then(
    (result) => String(result.structuredContent.value),
    (error) => error.message.replace(/.*data/, "refused: data"),
  );
}
await client.close();
console.log(seen);
const refused = Object.keys(seen).filter((name) => seen[name].startsWith("refused"));
assert.deepStrictEqual(refused, ["naive", "time", "earlier"]);
assert.strictEqual(seen.zoned, "2026-11-27T10:00:00Z");
assert.strictEqual(seen.later, "PT5M");
assert.strictEqual(seen.large, "1152921504606847000");
JAVASCRIPT
node finding.mjs
cat > client.py <<'PYTHON'
import asyncio

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    parameters = StdioServerParameters(command="venv/bin/python", args=["server.py"])
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        for tool in (await session.list_tools()).tools:
            result = await session.call_tool(tool.name, {})
            print("Python:", tool.name, result.structured_content)
            assert not result.is_error


asyncio.run(main())
PYTHON
"$folder/venv/bin/python" client.py 2>&1
