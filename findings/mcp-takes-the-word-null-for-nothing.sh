#!/usr/bin/env bash
# mcp 2.3.0 and fastmcp 4.2.3 (PyPI): a tool's text that is JSON is read as JSON, unless its type is
# `str` alone.
#
# Guess: an argument `note: str | None` gets each text as it was sent; its schema says "string or
# null", and that is what the client keeps to. Seen: the server of mcp reads texts as JSON first
# where the type is anything but `str`, for clients that send lists as text. So the note "null" is
# None; a note that is a JSON document, as in a tool that saves files or sends requests, is refused
# as no string; and in `str | list[str]` the text '["a"]' is a list. Making an argument optional is
# enough, the schema does not show it, and "12" and "true" stay texts. fastmcp, which has the same
# decorator, passes each text on. Who writes a server with mcp takes `str = ""` for optional texts.
# Callboard serves no MCP yet.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'mcp==2.3.0' 'fastmcp==4.2.3' 'pydantic==2.14.4'
"$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import asyncio
import json
from typing import Any

import fastmcp
from mcp import Client
from mcp.server.mcpserver import MCPServer

TEXTS = ["null", '{"id": 7}', '["a"]', "12", "true"]


def plain(text: str) -> str:
    return json.dumps(text)


def optional(text: str | None = "none given") -> str:
    return json.dumps(text)


def either(text: str | list[str]) -> str:
    return json.dumps(text)


async def ask(server: Any, client: Any, **options: Any) -> dict[str, list[Any]]:
    """What each tool was given for the texts; "refused" where it was not called."""
    for tool in (plain, optional, either):
        server.tool()(tool)
    seen: dict[str, list[Any]] = {"plain": [], "optional": [], "either": []}
    async with client(server) as session:
        for name, values in seen.items():
            for text in TEXTS:
                answer = await session.call_tool(name, {"text": text}, **options)
                told = answer.content[0].text
                values.append("refused" if answer.is_error else json.loads(told))
    return seen


by_mcp = asyncio.run(ask(MCPServer("finding"), Client))
by_fastmcp = asyncio.run(ask(fastmcp.FastMCP("finding"), fastmcp.Client, raise_on_error=False))
print("mcp:", by_mcp)
print("fastmcp:", by_fastmcp)
assert by_mcp == {
    "plain": TEXTS,
    "optional": [None, "refused", "refused", "12", "true"],
    "either": ["refused", "refused", ["a"], "12", "true"],
}
assert by_fastmcp == {"plain": TEXTS, "optional": TEXTS, "either": TEXTS}
PYTHON
