"""Why a run failed: whatever a model's provider does wrong, in a code and words of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic_ai import exceptions as seen

from webapp.catalog.providers.failed import Failed
from webapp.core.redaction import without

MAX_SAID = 600
CHECK_KEY = "Check the model's key, and that its account may use the model."
TRY_LATER = "Retry it; the agent's retry policy does so by itself."
CHECK_URL = "Check the model's base_url: it often ends in /v1."


def explain(error: Exception, model: Mapping[str, Any], said: str = "") -> Failed:
    """What an exception of a model's call means.

    `said` is the provider's last answer that was no stream, for exceptions that have lost it.
    """
    name = f"{model['provider']}:{model['model']}"
    words = _words(error, said, str(model.get("api_key") or ""))
    failed = _of_provider(error, name, words) or _of_answer(error, name, words)
    failed.retry_after = getattr(error, "retry_after", None)
    return failed


def _of_provider(error: Exception, name: str, words: str) -> Failed | None:
    """What says that it could not, or would not answer."""
    match error:
        case seen.ModelAuthenticationError():
            return Failed("upstream_auth", f"{name} refuses our key{words}", CHECK_KEY)
        case seen.ModelQuotaExceededError():
            message = f"The quota of the account of {name} is used up{words}"
            return Failed("upstream_auth", message, "Raise the limit of the provider's account.")
        case seen.ModelRateLimitError():
            return Failed(
                "upstream_rate_limited", f"{name} has too many requests{words}", TRY_LATER
            )
        case seen.ModelTimeoutError() | seen.ModelRequestTimeout():
            return Failed("upstream_timeout", f"{name} did not answer in time{words}", TRY_LATER)
        case seen.ModelNotFoundError():
            message = f"{name} is not known where it was asked for{words}"
            return Failed("model_unknown", message, "Check the model's name.", CHECK_URL)
        case seen.ModelContextWindowExceededError():
            message = f"The input is longer than {name} takes{words}"
            return Failed("input_invalid", message, "Shorten the input, or choose another model.")
        case seen.ModelRequestRejectedError():
            message = f"{name} refuses the request{words}"
            return Failed(
                "execution_failed",
                message,
                "Check the agent's tools and its parameters for the model.",
            )
        case seen.ModelHTTPError(status_code=408 | 504):
            return Failed("upstream_timeout", f"{name} did not answer in time{words}", TRY_LATER)
        case seen.ModelConnectionError(phase="connect"):
            return Failed(
                "upstream_error", f"{name} cannot be reached{words}", TRY_LATER, CHECK_URL
            )
        case seen.ModelConnectionError():
            return Failed("upstream_error", f"{name} broke off its answer{words}", TRY_LATER)
        case seen.ModelUnavailableError():
            return Failed("upstream_error", f"{name} is overloaded or away{words}", TRY_LATER)
        case seen.ModelAPIError():
            return Failed("upstream_error", f"{name} failed{words}", TRY_LATER)
    return None


def _of_answer(error: Exception, name: str, words: str) -> Failed:
    """What was answered, and cannot be used."""
    match error:
        case seen.OutputTokenLimitExceeded():
            return cut(name)
        case seen.ContentFilterError():
            return Failed("output_invalid", f"{name} withheld its answer: content_filter{words}")
        case seen.UsageLimitExceeded():
            message = f"{name} came to no end within the execution's limits: {error.message}."
            return Failed("execution_failed", message, "Say in the instructions when to stop.")
    return Failed("upstream_error", f"{name} gave no answer that can be read{words}", CHECK_URL)


def cut(name: str) -> Failed:
    """An answer that ends where a model may say no more."""
    return Failed(
        "output_invalid",
        f"The answer of {name} was cut at its highest number of tokens (length).",
        "Raise its max_tokens, or ask for a shorter answer.",
    )


def unfinished(name: str) -> Failed:
    """An answer whose end never came."""
    message = f"{name} ended its answer without saying why: it may be half of one."
    return Failed("upstream_error", message, TRY_LATER)


def _words(error: Exception, said: str, key: str) -> str:
    """What the provider said, as the end of a sentence; the key is taken out before it is cut."""
    status = getattr(error, "status_code", None)
    text = _message_in(getattr(error, "body", None)) or _message_in(said, is_error=False)
    if not text and isinstance(error, seen.ModelConnectionError):
        text = str(error.__cause__ or error)
    text = " ".join(without(key, text or str(error)).split())
    text = text if len(text) <= MAX_SAID else f"{text[:MAX_SAID]}…"
    return f" ({status}): {text}" if status else f": {text}"


def _message_in(body: object, *, is_error: bool = True) -> str:
    """The words of a body, which is JSON, or text that may be JSON; else all of it.

    Nothing where it is JSON without an error, and may be no error's.
    """
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return str(body)
    if isinstance(body, Mapping):
        inner = body.get("error", body if is_error else None)
        if isinstance(inner, str):
            return inner
        if isinstance(inner, Mapping):
            message = inner.get("message") or inner.get("detail")
            return str(message) if message else json.dumps(inner, default=str)
    return "" if not body else str(body)
