"""What an execution is given, held to what its agent asks for."""

from __future__ import annotations

from functools import cache
from typing import Any

from webapp.core.errors import Invalid

#: findings that a refusal lists
MAX_FINDINGS = 20


def read_input(given: str | dict[str, Any]) -> dict[str, Any]:
    """The input as an object: a text is its `prompt`."""
    return {"prompt": given} if isinstance(given, str) else given


def check_input(schema: dict[str, Any] | None, value: dict[str, Any]) -> None:
    """Raise Invalid, with the JSON path of everything that the agent's input schema refuses."""
    errors = find_errors(schema, value, "input")
    if errors:
        said = "; ".join(f"{item['field']}: {item['message']}" for item in errors[:3])
        raise Invalid(
            f"The input is not what the agent asks for: {said}",
            code="input_invalid",
            field=errors[0]["field"],
            errors=errors,
            suggestions=["The agent's input_schema says what it takes."],
        )


def find_errors(
    schema: dict[str, Any] | None, value: Any, root: str, *, with_patterns: bool = True
) -> list[dict[str, str]]:
    """What a JSON Schema has against a value, as `{field, message, code}`; nothing is fetched.

    Patterns can be left out: on some texts they take for ever, and a worker has others to run.
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


@cache
def _validator(with_patterns: bool) -> Any:
    # Imported where it is used: a process that runs no agent does without.
    from jsonschema import Draft202012Validator, validators

    if with_patterns:
        return Draft202012Validator
    return validators.extend(Draft202012Validator, {"pattern": None, "patternProperties": None})
