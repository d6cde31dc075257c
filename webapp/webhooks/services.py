"""Tell webhooks what happened: signed, tried again, never in the way of what happened.

facts.md 0.8: POST of JSON with `X-Agent-Signature: sha256=<hex HMAC-SHA256 of the body>`, 10 s
for an answer, three attempts with growing pauses. A 2xx answer is the end, and so are 4xx, and 3xx
because no redirect is followed; anything else, and no answer, is tried again. Private addresses
are called only where `CALLBOARD_ALLOWED_HOSTS` names them.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from sqlalchemy import select

from webapp import engine
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.addresses import allowed_hosts
from webapp.core.database import get_locked
from webapp.core.extensions import db
from webapp.webhooks.models import Delivery, Status
from webapp.webhooks.signing import sign, signing_secret

MAX_ATTEMPTS = 3
TIMEOUT_SECONDS = 10
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

log = structlog.get_logger(__name__)


def check_url(url: str) -> str:
    """`url` itself, which is https, or http to this machine; ValueError says what it is not."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ValueError("is not an address") from error
    is_local = parts.scheme == "http" and host in LOCAL_HOSTS
    if not host or (parts.scheme != "https" and not is_local):
        raise ValueError("must begin with https:// (or http://localhost)")
    if parts.username or parts.password:
        raise ValueError("must hold no user and no password")
    if not url.isprintable() or " " in url:
        raise ValueError("must hold no spaces and no control characters")
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise ValueError("has a host that no name service can know") from error
    if len(url) > 2000:
        raise ValueError("has more than 2,000 characters")
    return url


def send(organization_id: UUID, url: str, payload: dict[str, Any]) -> Delivery:
    """Add a message to the running transaction; a worker delivers it after the commit."""
    delivery = Delivery(organization_id=organization_id, url=url, payload=payload)
    db.session.add(delivery)
    db.session.flush()
    engine.enqueue(db.session(), "webhook", key=f"webhook-{delivery.id}")
    return delivery


def get_secret(*, actor: Actor) -> str:
    actor.require(Role.ADMIN)
    return signing_secret(actor.organization_id)


def list_deliveries(*, actor: Actor, limit: int = 50) -> list[Delivery]:
    """The newest messages, newest first."""
    actor.require(Role.ADMIN)
    return list(
        db.session.scalars(
            select(Delivery)
            .where(Delivery.organization_id == actor.organization_id)
            .order_by(Delivery.created_at.desc(), Delivery.id)
            .limit(limit)
        )
    )


def deliver(key: str) -> None:
    """The engine's job: try until it is delivered, refused, or tried often enough.

    Attempts are counted in the row before each one, so that a worker that dies takes none back.
    """
    delivery_id = UUID(key.removeprefix("webhook-"))
    while True:
        engine.check_interrupted()
        delivery = get_locked(select(Delivery).where(Delivery.id == delivery_id))
        if delivery is None or delivery.status != Status.PENDING:
            db.session.rollback()
            return
        if delivery.attempts >= MAX_ATTEMPTS:
            delivery.end(Status.FAILED, clock.now())
            db.session.commit()
            return
        delivery.attempts += 1
        attempt = delivery.attempts
        db.session.commit()
        if not _note(delivery_id, _post(delivery)):
            return
        time.sleep(2 ** (attempt - 1))


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: the answer's status, and what went wrong."""

    response_status: int | None = None
    error: str | None = None
    is_final: bool = True


def _post(delivery: Delivery) -> Outcome:
    import httpx  # a web process never sends, and starts sooner without

    from webapp.core import outgoing

    body = json.dumps(delivery.payload, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Callboard",
        "X-Agent-Signature": sign(body, signing_secret(delivery.organization_id)),
        "X-Callboard-Delivery": str(delivery.id),
    }

    async def post() -> httpx.Response:
        # httpx limits each read; only a loop limits them all, however slowly they drip in.
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            outgoing.open_client(allowed_hosts(), timeout_seconds=TIMEOUT_SECONDS) as http,
            # The status is all that counts; an answer without end would hold the worker.
            http.stream("POST", delivery.url, content=body, headers=headers) as answer,
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


def _note(delivery_id: UUID, outcome: Outcome) -> bool:
    """Write down what came of an attempt; whether another one is to follow."""
    delivery = get_locked(select(Delivery).where(Delivery.id == delivery_id))
    if delivery is None:
        db.session.rollback()
        return False
    delivery.response_status, delivery.error = outcome.response_status, outcome.error
    if outcome.error is None:
        delivery.end(Status.DELIVERED, clock.now())
    elif outcome.is_final or delivery.attempts >= MAX_ATTEMPTS:
        delivery.end(Status.FAILED, clock.now())
        log.warning("webhook_failed", delivery=str(delivery_id), error=outcome.error)
    db.session.commit()
    return bool(delivery.status == Status.PENDING)
