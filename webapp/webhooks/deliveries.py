"""Deliver messages: signed, tried again, never in the way of what happened.

A POST of JSON (docs/contract/knowledge.md, webhook), 10 s for an answer, attempts with growing
pauses (`Delivery.pauses`), in which the job holds no slot. A 2xx answer is the end, and so are 4xx,
and 3xx because no redirect is followed; anything else, and no answer, is tried again. Private
addresses are called only where `CALLBOARD_ALLOWED_HOSTS` names them.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from webapp import engine
from webapp.core import clock, sealing
from webapp.core.addresses import allowed_hosts
from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db
from webapp.webhooks import changes, keys, signing
from webapp.webhooks.models import Attempt, Delivery, Status, Webhook

TIMEOUT_SECONDS = 10
UUID_LENGTH = 36
#: until the next look at a database that has taken no writes
DATABASE_PAUSE_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: the answer's status, and what went wrong."""

    response_status: int | None = None
    error: str | None = None
    is_final: bool = True


def deliver(key: str) -> None:
    """The engine's job: one attempt, and another one later where that is worth it.

    A database that takes no writes for minutes is no end of it: it goes on when that is over.
    """
    engine.check_interrupted()
    try:
        _deliver(key)
    except OperationalError as error:
        if engine.will_retry(error):
            raise
        log.warning("webhook_waits_for_database", job=key, reason=str(error.orig))
        engine.retry_later(DATABASE_PAUSE_SECONDS)


def _deliver(key: str) -> None:
    """Attempts are counted in the row before each one: a worker that dies takes none back."""
    delivery_id = UUID(key.removeprefix("webhook-")[:UUID_LENGTH])
    delivery = _begin(delivery_id, key)
    if delivery is None:
        return
    try:
        outcome = _attempt(delivery)
    except Exception as error:
        if engine.will_retry(error):
            raise  # the worker waits for its database and calls again
        log.exception("webhook_attempt_failed", delivery=str(delivery_id))
        db.session.rollback()
        outcome = Outcome(None, "something went wrong on our side", is_final=False)
    pause = _note(delivery_id, outcome)
    if pause is not None:
        engine.retry_later(pause)


def _begin(delivery_id: UUID, key: str) -> Delivery | None:
    """Count an attempt; the message, unless there is nothing (more) to try.

    Nor is there where the message was sent again since: another job sees to it.
    """
    delivery: Delivery | None = get_locked(select(Delivery).where(Delivery.id == delivery_id))
    if delivery is None or delivery.status != Status.PENDING or delivery.job_key != key:
        db.session.rollback()
        return None
    if delivery.webhook_id is not None and not _is_active(delivery.webhook_id):
        delivery.error = "the webhook was switched off or deleted"
        delivery.end(Status.FAILED, clock.now())
    elif delivery.attempts - delivery.attempts_before > len(delivery.pauses):
        delivery.end(Status.FAILED, clock.now())
    else:
        delivery.attempts += 1
        delivery.next_attempt_at = None
        delivery.attempt_log.append(Attempt(number=delivery.attempts, started_at=clock.now()))
    changes.announce(delivery.organization_id)
    db.session.commit()
    return delivery if delivery.status == Status.PENDING else None


def _is_active(webhook_id: UUID) -> bool:
    return bool(db.session.scalar(select(Webhook.is_active).where(Webhook.id == webhook_id)))


def _attempt(delivery: Delivery) -> Outcome:
    try:
        secrets = keys.read_keys(delivery.organization_id, delivery.webhook_id)
        db.session.commit()
    except sealing.Unreadable:
        return Outcome(None, "the secret was sealed with another SECRET_KEY: make a new one")
    body = json.dumps(delivery.payload, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Callboard",
        "X-Callboard-Delivery": str(delivery.id),
        **signing.sign(str(delivery.id), clock.now(), body, secrets),
    }
    return _post(delivery.url, body, headers)


def _post(url: str, body: bytes, headers: dict[str, str]) -> Outcome:
    import httpx  # a web process never sends, and starts sooner without

    from webapp.core import outgoing

    async def post() -> httpx.Response:
        # httpx limits each read; only a loop limits them all, however slowly they drip in.
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            outgoing.open_client(allowed_hosts(), timeout_seconds=TIMEOUT_SECONDS) as http,
            # The status is all that counts; an answer without end would hold the worker.
            http.stream("POST", url, content=body, headers=headers) as answer,
        ):
            return answer

    try:
        answer = asyncio.run(post())
    except TimeoutError:
        return Outcome(None, f"no answer within {TIMEOUT_SECONDS} s", is_final=False)
    except outgoing.PrivateAddress as error:
        return Outcome(None, str(error)[:300])
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return Outcome(None, f"{type(error).__name__}: {error}"[:300], is_final=False)
    status = answer.status_code
    if answer.is_success:
        return Outcome(status)
    return Outcome(status, f"answered {status}", is_final=300 <= status < 500)


def _note(delivery_id: UUID, outcome: Outcome) -> float | None:
    """Write down what came of an attempt; the seconds until another one, None where none is."""
    delivery: Delivery | None = get_locked(select(Delivery).where(Delivery.id == delivery_id))
    if delivery is None or delivery.status != Status.PENDING:
        db.session.rollback()
        return None
    now, pause = clock.now(), None if outcome.is_final else delivery.pause
    attempt = delivery.attempt_log[-1]
    attempt.ended_at = now
    attempt.response_status, attempt.error = outcome.response_status, outcome.error
    delivery.response_status, delivery.error = outcome.response_status, outcome.error
    if outcome.error is None:
        delivery.end(Status.DELIVERED, now)
    elif pause is None:
        delivery.end(Status.FAILED, now)
        log.warning("webhook_failed", delivery=str(delivery_id), error=outcome.error)
    else:
        delivery.next_attempt_at = now + timedelta(seconds=pause)
    changes.announce(delivery.organization_id)
    db.session.commit()
    return pause
