#!/usr/bin/env bash
# openai-agents 0.24.0, pydantic-ai-slim 2.68.0 (PyPI): a tool made strict has other arguments.
#
# Guess: who makes a tool's schema strict, as OpenAI asks for it, lets null stand for an argument
# that was optional, and refuses what cannot be said strictly. Seen: `convert_schemas_to_strict` of
# openai-agents makes each optional argument of an MCP tool required and leaves its type, so that
# the model has to make up a filter and a date. `strict=True` of pydantic-ai does so too for what
# has a default, and makes of a `dict[str, int]` an object without properties, which is always
# empty: what the user said is lost without an error. openai-agents refuses a dict. Who switches
# either on looks at the schema that is sent. Callboard hands schemas out as they are.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'openai-agents==0.24.0' 'pydantic-ai-slim[openai]==2.68.0' 'openai==3.57.0' 'mcp==2.3.0'
"$folder/venv/bin/python" - <<'PYTHON'
import json

from agents import UserError, function_tool
from agents.mcp import MCPServerStdio
from agents.mcp.util import MCPUtil
from mcp.types import Tool
from pydantic_ai import Tool as PydanticTool
from pydantic_ai.profiles.openai import OpenAIJsonSchemaTransformer

ALLOWED = {"type": "string", "enum": ["open", "closed"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "status": ALLOWED,
        "since": {"type": "string", "format": "date"},
    },
    "required": ["query"],
    "additionalProperties": False,
}
server = MCPServerStdio({"command": "not-started"})
tool = Tool(name="search", description="", input_schema=SCHEMA)
made = MCPUtil.to_function_tool(tool, server, convert_schemas_to_strict=True)
schema, is_strict = made.params_json_schema, made.strict_json_schema
print("openai-agents:", is_strict, json.dumps(schema))
assert is_strict and schema["required"] == ["query", "status", "since"]
assert schema["properties"]["status"] == ALLOWED


def count(labels: dict[str, int], limit: int = 10) -> str:
    return f"{labels} {limit}"


definition = PydanticTool(count, strict=True).tool_def
transformer = OpenAIJsonSchemaTransformer(definition.parameters_json_schema, strict=True)
schema = transformer.walk()
print("pydantic-ai:", transformer.is_strict_compatible, json.dumps(schema))
assert transformer.is_strict_compatible and schema["required"] == ["labels", "limit"]
assert schema["properties"]["labels"] == {
    "type": "object", "properties": {}, "required": [], "additionalProperties": False,
}
assert schema["properties"]["limit"] == {"type": "integer"}

try:
    function_tool(count)
except UserError as refusal:
    print("openai-agents, a dict:", str(refusal).split(".")[0])
else:
    raise AssertionError("A dict is made strict now.")
PYTHON
