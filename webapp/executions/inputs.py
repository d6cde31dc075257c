"""What an execution is given, held to what its agent asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from webapp.core.errors import Invalid
from webapp.engine import sandbox
from webapp.engine.sandbox import Reason
from webapp.executions.validating import find_errors, has_patterns

PROGRAM = str(Path(__file__).with_name("validating.py"))
#: of a check with patterns, the start of an interpreter included
LIMITS = sandbox.Limits(seconds=5, cpu_seconds=2)


def read_input(given: str | dict[str, Any]) -> dict[str, Any]:
    """The input as an object: a text is its `prompt`."""
    return {"prompt": given} if isinstance(given, str) else given


def check_input(schema: dict[str, Any] | None, value: dict[str, Any]) -> None:
    """Raise Invalid, with the JSON path of everything that the agent's input schema refuses.

    Patterns are tried in a sandbox, which takes about half a second; Invalid too where they take
    too long.
    """
    errors = _find_apart(schema, value) if has_patterns(schema) else find_errors(
        schema, value, "input"
    )  # fmt: skip
    if errors:
        said = "; ".join(f"{item['field']}: {item['message']}" for item in errors[:3])
        raise Invalid(
            f"The input is not what the agent asks for: {said}",
            code="input_invalid",
            field=errors[0]["field"],
            errors=errors,
            suggestions=["The agent's input_schema says what it takes."],
        )


def _find_apart(schema: Any, value: dict[str, Any]) -> list[dict[str, str]]:
    order = json.dumps([schema, value, "input"]).encode()
    try:
        errors: list[dict[str, str]] = json.loads(sandbox.run(PROGRAM, limits=LIMITS, input=order))
    except sandbox.SandboxError as error:
        if error.failure.reason is not Reason.TIME:
            raise
        raise Invalid(
            "The input could not be checked in time against the agent's input_schema.",
            code="input_invalid",
            field="input",
            suggestions=["Make the patterns of the agent's input_schema simpler, or send less."],
        ) from error
    return errors
