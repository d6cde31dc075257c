"""Hold a value to a JSON Schema.

Run as a program it reads `[schema, value, root]` from its standard input and writes the errors: a
regular expression may take for ever on a text, so those of inputs are tried in a sandbox. So it
imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

#: findings that a refusal lists
MAX_FINDINGS = 20
PATTERNS = frozenset({"pattern", "patternProperties"})
#: what may lead to patterns somewhere else
REFERENCES = frozenset({"$ref", "$dynamicRef"})


def find_errors(
    schema: dict[str, Any] | None, value: Any, root: str, *, with_patterns: bool = True
) -> list[dict[str, str]]:
    """What a JSON Schema has against a value, as `{field, message, code}`; nothing is fetched.

    Patterns can be left out, and with them what would turn a pattern that is not tried into an
    error: what fits the schema fits it without its patterns too.
    """
    if schema is None:
        return []
    from referencing import Registry

    validator = _validator(with_patterns)(schema, registry=Registry())
    found = []
    for error in validator.iter_errors(value):
        path = ".".join([root, *map(str, error.absolute_path)])
        found.append({"field": path, "message": error.message[:300], "code": str(error.validator)})
        if len(found) == MAX_FINDINGS:
            break
    return sorted(found, key=lambda item: item["field"])


def has_patterns(schema: Any, keywords: frozenset[str] = PATTERNS) -> bool:
    """Whether a regular expression may be in a schema; a property of that name counts too."""
    if isinstance(schema, dict):
        return not keywords.isdisjoint(schema) or has_patterns(list(schema.values()), keywords)
    return isinstance(schema, list) and any(has_patterns(part, keywords) for part in schema)


@cache
def _validator(with_patterns: bool) -> Any:
    # Imported where it is used: a process that runs no agent does without.
    from jsonschema import Draft202012Validator, validators

    if with_patterns:
        return Draft202012Validator
    return validators.extend(Draft202012Validator, _without_patterns(Draft202012Validator))


def _without_patterns(validator: Any) -> dict[str, Any]:
    checks = validator.VALIDATORS

    def nothing(*_: Any) -> tuple[()]:
        return ()

    def only_plain(name: str, otherwise: Any = nothing, *, with_neighbours: bool = False) -> Any:
        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            part = schema if with_neighbours else value
            is_plain = not has_patterns(part, PATTERNS | REFERENCES)
            yield from (checks[name] if is_plain else otherwise)(
                validator, value, instance, schema
            ) or ()

        return check

    def additional(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if "patternProperties" not in schema:
            yield from checks["additionalProperties"](validator, value, instance, schema)

    return {
        "pattern": nothing,
        "patternProperties": nothing,
        "additionalProperties": additional,
        "unevaluatedProperties": only_plain("unevaluatedProperties", with_neighbours=True),
        "unevaluatedItems": only_plain("unevaluatedItems", with_neighbours=True),
        "if": only_plain("if"),
        "not": only_plain("not"),
        "contains": only_plain("contains"),
        "oneOf": only_plain("oneOf", checks["anyOf"]),
    }


if __name__ == "__main__":
    json.dump(find_errors(*json.load(sys.stdin)), sys.stdout)
