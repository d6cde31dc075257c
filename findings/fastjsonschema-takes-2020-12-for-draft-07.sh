#!/usr/bin/env bash
# fastjsonschema 2.22.3, pydantic 2.14.4 (PyPI): a schema that names its draft is read by another.
#
# Guess: a validator that knows the drafts 04, 06 and 07 refuses a schema whose `$schema` says
# 2020-12, or says that it does not know a word in it. Seen: it compiles the schema as draft 07 and
# leaves out `prefixItems`, `dependentRequired`, `minContains`, `unevaluatedProperties` and what
# stands beside a `$ref`. Pydantic writes `prefixItems` for a tuple, so that any two values pass for
# its `tuple[str, int]`; with `items: false` beside it, which closes a tuple, every one is refused.
# jsonschema 4.26.0 goes by the standard. Who is after speed tries each schema against jsonschema.
# Callboard validates with jsonschema.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'fastjsonschema==2.22.3' 'jsonschema==4.26.0' 'pydantic==2.14.4'
"$folder/venv/bin/python" - <<'PYTHON'
from typing import Any

import fastjsonschema
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

NAMED = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
CASES: list[tuple[dict[str, Any], Any]] = [
    (TypeAdapter(tuple[str, int]).json_schema(), [5, "five"]),
    ({"dependentRequired": {"from": ["to"]}}, {"from": 1}),
    ({"contains": {"type": "string"}, "minContains": 2}, ["one", 2]),
    ({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}, {"b": 1}),
    ({"$defs": {"id": {"type": "string"}}, "$ref": "#/$defs/id", "maxLength": 2}, "long"),
    ({"prefixItems": [{"type": "string"}], "items": False}, ["one"]),
]


def is_valid(schema: dict[str, Any], value: Any) -> bool:
    try:
        fastjsonschema.compile(schema)(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


for number, (schema, value) in enumerate(CASES):
    slow = Draft202012Validator(NAMED | schema).is_valid(value)
    fast = is_valid(NAMED | schema, value)
    print(f"{value}: jsonschema {slow}, fastjsonschema {fast}: {schema}")
    is_last = number == len(CASES) - 1
    assert (slow, fast) == (is_last, not is_last)
PYTHON
