"""What a model's server of the tests answers, whichever protocol it speaks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """What servers of models get wrong; a model called `fault-<value>` has it always."""

    REFUSES = "refuses"  # takes the connection and closes it
    HANGS = "hangs"  # never answers
    GARBAGE = "garbage"  # a page of HTML
    HALF = "half"  # breaks off in the middle
    UNFINISHED = "unfinished"  # ends in order, but without saying why it ends
    ERROR_AS_ANSWER = "error-as-answer"  # an error with status 200
    ERROR_IN_STREAM = "error-in-stream"
    RATE_LIMITED = "rate-limited"
    QUOTA = "quota"
    UNAUTHORIZED = "unauthorized"
    FAILS = "fails"
    OVERLOADED = "overloaded"
    UNKNOWN_MODEL = "unknown-model"
    TOO_LONG = "too-long"  # the prompt is longer than the model's context
    NO_USAGE = "no-usage"
    REPEATED_USAGE = "repeated-usage"  # in each piece of a stream, as vLLM can
    NO_CONTENT = "no-content"
    CUT = "cut"  # at the highest number of tokens
    FILTERED = "filtered"


#: the faults that are an answer of another status: (status, type, code, message)
REFUSALS = {
    Fault.RATE_LIMITED: (429, "rate_limit_error", "rate_limit_exceeded", "Too many requests."),
    Fault.QUOTA: (429, "insufficient_quota", "insufficient_quota", "Your quota is used up."),
    Fault.UNAUTHORIZED: (401, "authentication_error", "invalid_api_key", "Incorrect API key."),
    Fault.FAILS: (500, "api_error", "server_error", "The server had an error."),
    Fault.OVERLOADED: (503, "overloaded_error", "overloaded", "The engine is overloaded."),
    Fault.UNKNOWN_MODEL: (404, "not_found_error", "model_not_found", "No such model."),
    Fault.TOO_LONG: (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens: the prompt is too long.",
    ),
}


@dataclass(frozen=True)
class Call:
    """A call of a tool; `arguments` are sent as they are where they are text."""

    name: str
    arguments: dict[str, Any] | str
    id: str = ""


@dataclass(frozen=True)
class Answer:
    """One answer. Whole or as a stream, as the request wants it."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    fault: Fault | None = None
    input_tokens: int = 12
    output_tokens: int = 5
    #: before the first byte, and between two pieces of a stream
    seconds: float = 0.0
    pause_seconds: float = 0.0
    retry_after: str = "7"

    @property
    def pieces(self) -> list[str]:
        return re.findall(r"\S+\s*|\s+", self.text)


@dataclass
class Request:
    """What a server was sent."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(repr=False)

    @property
    def model(self) -> str:
        return str(self.body.get("model"))

    @property
    def is_stream(self) -> bool:
        return bool(self.body.get("stream"))


def answer_of_model(name: str) -> Answer | None:
    """The answer that a model's name asks for: `fault-hangs`, `slow-5`; None where it asks none."""
    kind, _, value = name.partition("-")
    if kind == "fault":
        return Answer("Four, as the handbook says.", fault=Fault(value))
    if kind == "slow":
        return Answer("Here I am.", seconds=float(value))
    return None
