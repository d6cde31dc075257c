"""Why an execution failed, as its `error` says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: the codes of failures; what a runner says beside them is `execution_failed`
CODES = frozenset(
    {
        "agent_deleted",
        "execution_failed",
        "execution_memory",
        "execution_output_too_large",
        "execution_timeout",
        "input_invalid",
        "model_unknown",
        "output_invalid",
        "runner_died",
        "upstream_auth",
        "upstream_error",
        "upstream_rate_limited",
        "upstream_timeout",
    }
)
MAX_MESSAGE = 2_000
MAX_SUGGESTIONS = 5
MAX_SUGGESTION = 300


@dataclass(frozen=True)
class Failure:
    """A failure in words; `retry_after` is what a model's server asks us to wait, in seconds."""

    code: str
    message: str
    suggestions: Sequence[str] = ()
    retry_after: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "suggestions": list(self.suggestions),
        }
