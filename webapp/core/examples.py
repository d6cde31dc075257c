"""Examples of JSON Schemas, made of those that their fields give."""

from __future__ import annotations

from typing import Any

_FORMATS = {
    "uuid": "0b9ab5a5-6a4e-4d8e-9a62-1d1f0c6f4a11",
    "date-time": "2026-01-31T09:30:00Z",
    "date": "2026-01-31",
    "binary": "…",
    "uri": "https://example.com/",
}
_TYPES: dict[str, Any] = {"integer": 1, "number": 0.5, "boolean": False, "null": None}
#: how deep an example shows what is in a list
_MAX_DEPTH = 3


def example_of(schema: dict[str, Any], components: dict[str, Any], depth: int = 0) -> Any:
    """A value that `schema` allows; `components` are what its references name."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, depth)
    for name in ("examples", "enum", "prefixItems"):
        if schema.get(name):
            first = schema[name][0]
            if name != "prefixItems":
                return first
            return [example_of(part, components, depth) for part in schema[name]]
    for name in ("example", "const", "default"):
        if name in schema and (name != "default" or schema.get("type") != "object"):
            return schema[name]
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return example_of(schema[name][0], components, depth)
    return _of_type(schema, components, depth)


def _of_type(schema: dict[str, Any], components: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, components, depth)
    if kind == "array":
        item = schema.get("items")
        return [example_of(item, components, depth + 1)] if item and depth < _MAX_DEPTH else []
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), "…")
    value = _TYPES.get(kind or "")
    return max(value, schema["minimum"]) if value is not None and "minimum" in schema else value


def _object(schema: dict[str, Any], components: dict[str, Any], depth: int) -> dict[str, Any]:
    """The fields that must be there and those that have an example."""
    required = schema.get("required", [])
    return {
        name: example_of(field, components, depth)
        for name, field in schema.get("properties", {}).items()
        if name in required or "examples" in field
    }
