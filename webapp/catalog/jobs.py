"""What a worker does for a test of a model: one call in a runner, and its end in the row."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from pydantic import ConfigDict, Field, ValidationError
from sqlalchemy import select

from webapp import engine
from webapp.catalog.models import ModelConfig
from webapp.catalog.services import announce
from webapp.core import sealing
from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db
from webapp.core.redaction import without
from webapp.core.schemas import Schema
from webapp.engine import runners
from webapp.engine.sandbox import MEBIBYTE, Reason

PROGRAM = "model_test"
#: for the model's answer; the runner has some more, in which it can say that there was none
ANSWER_SECONDS = 20.0
LIMITS = runners.Limits(
    seconds=ANSWER_SECONDS + 10,
    cpu_seconds=20,
    memory_bytes=512 * MEBIBYTE,
    output_bytes=MEBIBYTE,
)
MAX_MESSAGE = 600
HIDDEN = "•••"

log = structlog.get_logger(__name__)

Count = int | None


class Answer(Schema):
    """What the program tells of an answer; it is not trusted."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field(max_length=1000)
    finish_reason: str | None = Field(None, max_length=100)
    duration_ms: int = Field(ge=0)
    input_tokens: Count = Field(None, ge=0, lt=2**31)
    output_tokens: Count = Field(None, ge=0, lt=2**31)


class Failed(Schema):
    """What it tells of a failure."""

    model_config = ConfigDict(extra="ignore")

    code: str = Field(max_length=40)
    message: str
    suggestions: list[str] = Field([], max_length=5)


class Told(Schema):
    model_config = ConfigDict(extra="ignore")

    answer: Answer | None = None
    failure: Failed | None = None


def test_model(key: str, *, model_id: str, number: int) -> None:
    """The engine's job. A test that is not the model's newest any more leaves no trace."""
    engine.check_interrupted()
    statement = select(ModelConfig).where(ModelConfig.id == UUID(model_id))
    model = db.session.scalar(statement)
    if model is None or not _is_current(model, number):
        return
    secret = ""
    try:
        order = model.as_order()
        secret = order["api_key"] or ""
        db.session.commit()  # no transaction is open while the model thinks
        end = _call(order)
    except sealing.Unreadable:
        message = "Its key was sealed with another SECRET_KEY. Enter the key again."
        end = _failed("key_unreadable", message)
    except (engine.Cancelled, engine.Interrupted):
        raise
    except Exception as error:
        if engine.will_retry(error):
            raise
        log.exception("model_test_failed", model=model_id)
        db.session.rollback()
        end = _failed("internal_error", "Something went wrong on our side.")
    model = get_locked(statement)
    if model is not None and _is_current(model, number):
        begun = {name: (model.last_test or {}).get(name) for name in ("begun_at", "begun_by")}
        model.last_test = _without(secret, end) | {"number": number} | begun
        announce(model)
    db.session.commit()


def _is_current(model: ModelConfig, number: int) -> bool:
    test = model.last_test or {}
    return test.get("number") == number and test.get("status") == "pending"


def _call(order: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    work = {"model": order, "seconds": ANSWER_SECONDS}
    with runners.start(PROGRAM, work, limits=LIMITS) as runner:
        try:
            for message in runner:
                told = dict(message)
        except runners.RunnerError as error:
            if error.failure.reason == Reason.TIME:
                words = f"The provider did not answer within {ANSWER_SECONDS:g} seconds."
                return _failed("upstream_timeout", words)
            log.warning("model_test_runner_failed", reason=error.failure.reason)
            return _failed("runner_died", f"The call broke off: {error.failure.reason}.")
    try:
        read = Told.model_validate(told)
    except ValidationError:
        return _failed("runner_died", "The call came back with something that cannot be read.")
    if read.failure is not None:
        sentences = [read.failure.message, *read.failure.suggestions]
        return _failed(read.failure.code, _sentences(sentences))
    if read.answer is None:
        return _failed("runner_died", "The call ended without an answer.")
    return _judge(read.answer)


def _judge(answer: Answer) -> dict[str, Any]:
    """What an answer says of its model: also one without a word has been paid for."""
    facts = answer.model_dump(include={"duration_ms", "input_tokens", "output_tokens"})
    if answer.text:
        is_cut = answer.finish_reason in ("length", "content_filter")
        message = "It answered." if not is_cut else f"It answered, cut off: {answer.finish_reason}."
        return {"status": "passed", "message": message, "answer": answer.text, **facts}
    reason = answer.finish_reason or "no reason given"
    message = f"It answered without a word ({reason})."
    return {"status": "failed", "code": "upstream_error", "message": message, **facts}


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"status": "failed", "code": code, "message": message}


def _sentences(parts: list[str]) -> str:
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts)


def _without(secret: str, end: dict[str, Any]) -> dict[str, Any]:
    """What is kept of it: never the key, wherever the other side may have written it."""
    kept = {}
    for name, value in end.items():
        if isinstance(value, str) and name != "status":
            value = without(secret, value, HIDDEN).replace("\x00", "")[: 2 * MAX_MESSAGE]
        kept[name] = value
    return kept
