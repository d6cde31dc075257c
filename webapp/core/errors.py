"""The refusals: services raise a `DomainError`, and `core/http/problems.py` alone draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import ValidationError

PROBLEM = "application/problem+json"


class DomainError(Exception):
    """A refusal that the caller can understand and do something about.

    `message` is a sentence fit for the operator's eyes that names the thing and its state;
    `page_message` says it on pages where the contract has other words for the API;
    `api_suggestions` are for those alone who write requests themselves, and no page shows them.
    """

    status: ClassVar[int] = 400
    code: str = "bad_request"
    title: ClassVar[str] = "Bad request"

    def __init__(
        self,
        message: str,
        *,
        page_message: str | None = None,
        code: str | None = None,
        field: str | None = None,
        suggestions: Sequence[str] = (),
        api_suggestions: Sequence[str] = (),
        extras: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self._page_message = page_message
        self.code = code or self.code
        self.field = field
        self.suggestions = list(suggestions)
        self.api_suggestions = list(api_suggestions)
        self.extras = dict(extras or {})
        self.headers = dict(headers or {})
        self._errors = [dict(error) for error in errors]

    @property
    def page_message(self) -> str:
        """The sentence for pages; `message` as it is now where there is none of their own."""
        return self._page_message or self.message

    @property
    def sentences(self) -> str:
        """For whoever reads it later and far from the request: what is wrong, what to do."""
        return " ".join([self.page_message, *self.suggestions])

    @property
    def errors(self) -> list[dict[str, str]]:
        """Field errors as the contract lists them: `{field, message, code}`."""
        if self._errors or self.field is None:
            return self._errors
        return [{"field": self.field, "message": self.message, "code": self.code}]


class BadReference(DomainError):
    """A well-formed value refers to something that is not there or not allowed."""

    status, code, title = 400, "bad_reference", "Bad reference"


class Malformed(DomainError):
    """The request cannot be read at all."""

    status, code, title = 400, "malformed", "Malformed request"


class Unauthenticated(DomainError):
    """No credentials, or credentials that are not (or no longer) good."""

    status, code, title = 401, "unauthenticated", "Not signed in"


class Forbidden(DomainError):
    """The actor is known and may not do this."""

    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(DomainError):
    """There is no such thing, or it belongs to another organization."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(DomainError):
    """It collides with the present state."""

    status, code, title = 409, "conflict", "Conflict"


class PreconditionFailed(DomainError):
    """The thing has changed since the caller read it."""

    status, code, title = 412, "precondition_failed", "Precondition failed"


class TooLarge(DomainError):
    """A body, upload or document above its limit."""

    status, code, title = 413, "too_large", "Too large"


class UnsupportedMediaType(DomainError):
    """A body of a kind that this address does not read."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class Invalid(DomainError):
    """The shape or content of a value is wrong."""

    status, code, title = 422, "invalid", "Invalid input"


class OddParameters(Invalid):
    """The address of a page says what the page cannot show; without that, it shows its own."""


class LimitExceeded(DomainError):
    """A rate limit or quota is used up."""

    status, code, title = 429, "limit_exceeded", "Too many requests"


class InternalError(DomainError):
    """Something went wrong on our side. The log has the details under this request id."""

    status, code, title = 500, "internal_error", "Internal Server Error"

    def __init__(self) -> None:
        super().__init__(
            "Something went wrong on our side. The log has the details under this request id."
        )


class Unavailable(DomainError):
    """A part that the answer needs is not there right now."""

    status, code, title = 503, "unavailable", "Temporarily unavailable"

    def __init__(self, message: str, *, retry_after: int | None = None, **details: Any) -> None:
        """`retry_after` is in seconds; the other words are those of every refusal."""
        super().__init__(message, **details)
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


#: codes of refusals that Flask and its extensions raise, by status
HTTP_CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    417: "expectation_failed",
    422: "invalid",
    429: "limit_exceeded",
    431: "headers_too_large",
    500: "internal_error",
    501: "not_implemented",
    503: "unavailable",
}


def validation_errors(error: ValidationError) -> list[dict[str, str]]:
    """Pydantic's findings as the contract's `{field, message, code}`, input values left out."""
    return [
        {
            "field": ".".join(str(part) for part in item["loc"]) or "body",
            "message": item["msg"].removeprefix("Value error, "),
            "code": item["type"],
        }
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
