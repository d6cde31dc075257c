"""`Idempotency-Key`: a request that starts work is answered once, however often it is sent.

The view begins with `Idempotency.read(body)`, which finds what the same request has started
before; the service adds `keep(id)` to its transaction, so that the key is there when, and only
when, the work is. See docs/contract/http.md, retries.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import request
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.transactions import lock_name
from webapp.core.errors import Conflict, Invalid
from webapp.core.extensions import Model, db
from webapp.core.retention import Retention

HEADER = "Idempotency-Key"
MAX_KEY = 255
KEPT = timedelta(hours=24)


class IdempotencyKey(Model):
    """A key that somebody has sent, what the request said, and what it has started."""

    __tablename__ = "idempotency_keys"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    #: whose key it is: the person behind the session or API key
    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(MAX_KEY), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


@dataclass(frozen=True)
class Idempotency:
    """One request's key; `subject_id` is what an earlier one with it has started."""

    organization_id: UUID
    owner_id: UUID
    key: str
    digest: str
    subject_id: UUID | None = None

    @classmethod
    def read(cls, body: Any, *, actor: Actor) -> Idempotency | None:
        """The key of the running request; None where it has none.

        Nobody else goes on with the same key before the transaction ends. Raises Conflict where the
        key came with something else before, Invalid where it is none.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not 1 <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
            raise Invalid(f"{HEADER} has 1 to {MAX_KEY} printable ASCII characters.", field=HEADER)
        owner = actor.user_id or actor.organization_id
        digest = _digest(request.method, request.path, body)
        lock_name(f"idempotency {actor.organization_id} {owner} {key}")
        found = db.session.scalar(
            select(IdempotencyKey).where(
                IdempotencyKey.organization_id == actor.organization_id,
                IdempotencyKey.owner_id == owner,
                IdempotencyKey.key == key,
            )
        )
        if found is not None and found.created_at < clock.now() - KEPT:
            db.session.delete(found)
            db.session.flush()
            found = None
        if found is not None and found.digest != digest:
            raise Conflict(
                "This Idempotency-Key has come with another request before.",
                code="idempotency_conflict",
                field=HEADER,
                suggestions=["Send a new key with what is new."],
            )
        return cls(actor.organization_id, owner, key, digest, found.subject_id if found else None)

    @staticmethod
    def refuse(why: str, *, suggestion: str) -> None:
        """Raise Invalid where the running request has a key, which would promise too much."""
        if HEADER in request.headers:
            raise Invalid(why, field=HEADER, suggestions=[suggestion])

    def keep(self, subject_id: UUID) -> None:
        """Remember what the request has started, in the transaction that does."""
        db.session.add(
            IdempotencyKey(
                organization_id=self.organization_id,
                owner_id=self.owner_id,
                key=self.key,
                digest=self.digest,
                subject_id=subject_id,
            )
        )


def forget_keys(before: datetime, limit: int) -> int:
    """Delete keys that have served their time, in the running transaction."""
    old = list(
        db.session.scalars(
            select(IdempotencyKey)
            .where(IdempotencyKey.created_at < before)
            .order_by(IdempotencyKey.created_at)
            .limit(limit)
        )
    )
    for key in old:
        db.session.delete(key)
    return len(old)


RETENTION = Retention("idempotency keys", forget_keys, KEPT)


def _digest(method: str, path: str, body: Any) -> str:
    said = json.dumps([method, path, body], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()
