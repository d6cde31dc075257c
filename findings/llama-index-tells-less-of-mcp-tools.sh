#!/usr/bin/env bash
# llama-index-tools-mcp 0.6.0 (PyPI): a model is told less of an MCP tool than the server says.
#
# Guess: the tool's `inputSchema` goes to the model as it is. Seen: it is made into a pydantic model
# and back. A nested object loses its fields, and which of them are required; limits, formats and
# `additionalProperties: false` are gone; and what is optional may be null, which goes on to the
# server and is refused there. So calls fail, or are made up, that keep to all that the model was
# told. A nested object keeps its fields where it is a `$ref`. Who writes a server puts nested
# objects into `$defs`, and limits into the descriptions. Callboard serves no MCP yet.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'llama-index-tools-mcp==0.6.0' 'llama-index-core==0.14.25' 'mcp==2.3.0'
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
from typing import Any

from llama_index.tools.mcp import McpToolSpec
from mcp.types import CallToolResult, ListToolsResult, Tool

PERIOD = {
    "type": "object",
    "properties": {"first": {"type": "string", "format": "date"}, "days": {"type": "integer"}},
    "required": ["first"],
}
SCHEMA = {
    "type": "object",
    "$defs": {"period": PERIOD},
    "properties": {
        "query": {"type": "string", "minLength": 3, "description": "At least three letters."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 50},
        "period": PERIOD,
        "shared": {"$ref": "#/$defs/period"},
    },
    "required": ["query", "period", "shared"],
    "additionalProperties": False,
}


class Session:
    """What a client offers, without a server behind it."""

    async def list_tools(self) -> ListToolsResult:
        return ListToolsResult(tools=[Tool(name="search", input_schema=SCHEMA)])

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        return CallToolResult(content=[], structured_content=arguments)


[tool] = asyncio.run(McpToolSpec(Session()).to_tool_list_async())
told = tool.metadata.get_parameters_dict()
fields = told["properties"]
print(json.dumps(fields))
assert fields["period"] == {
    "additionalProperties": True, "description": "", "title": "Period", "type": "object",
}
assert list(told["$defs"]["period"]["properties"]) == ["first", "days"]
assert fields["limit"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
assert "minLength" not in fields["query"] and "format" not in json.dumps(told)
assert "additionalProperties" not in told
sent = asyncio.run(tool.acall(query="refunds", limit=None)).raw_output.structured_content
assert sent == {"query": "refunds", "limit": None}
PYTHON
