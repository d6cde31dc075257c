"""A run that has failed, in a code and words of ours; what a provider did is read in `failures`."""

from __future__ import annotations

from typing import Any


class Failed(Exception):
    """A run that ends without an output; `retry_after` is what a provider asks for, in seconds."""

    def __init__(
        self, code: str, message: str, *suggestions: str, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.suggestions = code, message, suggestions
        self.retry_after = retry_after

    def as_json(self) -> dict[str, Any]:
        """As a runner tells it."""
        return {
            "code": self.code,
            "message": self.message,
            "suggestions": list(self.suggestions),
            "retry_after": self.retry_after,
        }
