"""What a worker tells a runner at its start; a runner knows nothing else and asks for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webapp.engine.runners import Limits
from webapp.engine.sandbox import MEBIBYTE
from webapp.executions.models import Execution
from webapp.executions.recording import read_steps

#: what of a definition a runner needs
_TOLD = (
    "name",
    "description",
    "instructions",
    "persona",
    "input_schema",
    "output_schema",
    "model_overrides",
    "retrieval_config",
    "features_config",
    "handoff_targets",
)
#: a model may be asked so often for one execution, and say so much
MODEL_REQUESTS = 50
OUTPUT_TOKENS = 100_000
MEMORY_BYTES = 1024 * MEBIBYTE
#: of all lines that a runner tells, each of which has a bound of its own
OUTPUT_BYTES = 64 * MEBIBYTE
CPU_SECONDS = 600


def make_order(
    execution: Execution, handle: str, definition: dict[str, Any], model: dict[str, Any]
) -> dict[str, Any]:
    """The order for an execution, as JSON, with the steps that are paid for already."""
    return {
        "execution_id": str(execution.id),
        "agent": {"handle": handle} | {name: definition.get(name) for name in _TOLD},
        "model": model,
        "input": execution.input,
        "tools": list(definition.get("tools") or []),
        "steps": read_steps(execution) if execution.step_count else [],
        "limits": {
            "model_requests": MODEL_REQUESTS,
            "output_tokens": OUTPUT_TOKENS,
            "seconds": execution.remaining_seconds,
        },
    }


def limits_of(execution: Execution) -> Limits:
    """What the runner of an execution may use."""
    return Limits(
        seconds=execution.remaining_seconds,
        cpu_seconds=CPU_SECONDS,
        memory_bytes=MEMORY_BYTES,
        output_bytes=OUTPUT_BYTES,
    )


def secrets_of(order: dict[str, Any]) -> Iterator[str]:
    """The values in an order that nobody may read anywhere."""
    key = order["model"].get("api_key")
    if isinstance(key, str):
        yield key
    for tool in order["tools"]:
        if isinstance(tool, dict):
            yield from _texts(tool.get("secrets"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
