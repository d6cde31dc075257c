#!/usr/bin/env bash
# mcp 2.3.0, llama-index-tools-mcp 0.6.0, mcpadapt 0.1.19 (PyPI), @modelcontextprotocol/sdk 1.32.2
# (npm): tools of the second page do not exist.
#
# Guess: a server may give its tools in pages, and a client asks until there is no `nextCursor`, as
# openai-agents 0.24.0 does. Seen: `list_tools()` of the Python client and `listTools()` of the
# JavaScript one give the first page, with the cursor beside it; LlamaIndex's McpToolSpec and
# mcpadapt, by which smolagents and CrewAI take tools, do not look at it, so that their agents work
# with a part of the tools and nobody is told. Which part depends on the server's page. Who serves
# MCP gives all tools at once; who asks loops over the cursor. Callboard serves no MCP yet.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv new
new/bin/pip install --quiet --disable-pip-version-check \
  'mcp==2.3.0' 'llama-index-tools-mcp==0.6.0' 'llama-index-core==0.14.25' 'openai-agents==0.24.0'
python3 -m venv old
old/bin/pip install --quiet --disable-pip-version-check 'mcpadapt==0.1.19' 'mcp==1.30.0'
npm install --silent --no-audit --no-fund --ignore-scripts \
  @modelcontextprotocol/sdk@1.32.2 zod@4.6.7
cat > server.py <<'PYTHON'
"""An MCP server with six tools in three pages."""

import json
import sys

for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    answer = {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "initialize":
        answer["result"] = {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "pages", "version": "1"},
        }
    elif asked["method"] == "tools/list":
        page = int(asked.get("params", {}).get("cursor") or 0)
        names = [f"tool_{page * 2}", f"tool_{page * 2 + 1}"]
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
        answer["result"] = {"tools": tools} | ({"nextCursor": str(page + 1)} if page < 2 else {})
    else:
        answer["error"] = {"code": -32601, "message": "no such method"}
    print(json.dumps(answer), flush=True)
PYTHON
new/bin/python - <<'PYTHON'
import asyncio

from agents.mcp import MCPServerStdio
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

COMMAND, ARGUMENTS = "python3", ["server.py"]


async def counts() -> dict[str, int]:
    server = StdioServerParameters(command=COMMAND, args=ARGUMENTS)
    async with Client(stdio_client(server)) as client:
        plain = await client.list_tools()
    llama = await McpToolSpec(BasicMCPClient(COMMAND, args=ARGUMENTS)).to_tool_list_async()
    async with MCPServerStdio({"command": COMMAND, "args": ARGUMENTS}) as agents:
        return {
            "mcp": len(plain.tools),
            "llama-index-tools-mcp": len(llama),
            "openai-agents": len(await agents.list_tools()),
        }


seen = asyncio.run(counts())
print("of 6 tools:", seen)
assert seen == {"mcp": 2, "llama-index-tools-mcp": 2, "openai-agents": 6}
PYTHON
old/bin/python - <<'PYTHON'
from mcp import StdioServerParameters
from mcpadapt.core import MCPAdapt, ToolAdapter


class Named(ToolAdapter):
    def adapt(self, func, mcp_tool):
        return mcp_tool.name

    def async_adapt(self, afunc, mcp_tool):
        return mcp_tool.name


with MCPAdapt(StdioServerParameters(command="python3", args=["server.py"]), Named()) as tools:
    print("of 6 tools: mcpadapt", len(tools))
    assert len(tools) == 2
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const client = new Client({ name: "finding", version: "1" });
await client.connect(new StdioClientTransport({ command: "python3", args: ["server.py"] }));
const { tools } = await client.listTools();
await client.close();
console.log("of 6 tools: @modelcontextprotocol/sdk", tools.length);
assert.strictEqual(tools.length, 2);
JAVASCRIPT
node finding.mjs
