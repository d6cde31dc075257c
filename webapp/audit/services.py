"""The one way into the audit table, and the reads that pages need."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from webapp.audit.models import AuditEntry
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.extensions import db

#: entries among which a deletion is looked for: no index leads to it
DELETIONS_AMONG = 5_000
#: announced with every entry
FEED = "audit:all"


class Subject(Protocol):
    """Anything with an id can be audited; its `name` or `title` is kept as it was."""

    @property
    def id(self) -> Any: ...


def record(actor: Actor, action: str, subject: Subject, **detail: Any) -> None:
    """Add one entry to the running transaction; it stands or falls with the change itself.

    Whoever follows the activity is told (`audit:all`); the change's own feeds are its feature's.

    `action` is a verb ("create", "cancel"); `detail` is JSON and never holds a secret.
    """
    name = getattr(subject, "name", None) or getattr(subject, "title", None) or str(subject.id)
    db.session.add(
        AuditEntry(
            organization_id=actor.organization_id,
            actor_kind=actor.kind,
            actor_id=actor.api_key_id or actor.user_id,
            actor_name=actor.name,
            action=action,
            subject_type=type(subject).__name__.lower(),
            subject_id=str(subject.id),
            subject_name=str(name)[:300],
            detail=detail,
            request_id=actor.request_id,
        )
    )
    live.announce(FEED, actor.organization_id)


def latest_id(organization_id: UUID) -> int:
    """A number that rises with every change in an organization, 0 at first."""
    statement = select(func.max(AuditEntry.id)).where(AuditEntry.organization_id == organization_id)
    return db.session.scalar(statement) or 0


def entries_after(entry_id: int, organization_id: UUID, *, limit: int) -> list[AuditEntry]:
    """The first entries of an organization that came after another, oldest first."""
    statement = (
        select(AuditEntry)
        .where(AuditEntry.organization_id == organization_id, AuditEntry.id > entry_id)
        .order_by(AuditEntry.id)
        .limit(limit)
    )
    return list(db.session.scalars(statement))


def describe_deletion(subject_type: str, *, actor: Actor, **subject: str) -> list[str]:
    """When and by whom a thing of the actor's organization was deleted, as a sentence or none.

    `subject` has its `subject_id` or `subject_name`. Known of what is among the newest entries.
    """
    newest = (
        select(AuditEntry)
        .where(AuditEntry.organization_id == actor.organization_id)
        .order_by(AuditEntry.id.desc())
        .limit(DELETIONS_AMONG)
        .subquery()
    )
    entry = aliased(AuditEntry, newest)
    found = db.session.scalar(
        select(entry)
        .filter_by(subject_type=subject_type, action="delete", **subject)
        .order_by(entry.id.desc())
        .limit(1)
    )
    if found is None:
        return []
    ago = clock.in_words(found.created_at)
    return [f"{found.subject_name} was deleted for good by {found.actor_name}, {ago}."]


def latest(organization_id: UUID, *, limit: int = 12) -> list[AuditEntry]:
    """The newest entries of an organization, newest first."""
    statement = (
        select(AuditEntry)
        .where(AuditEntry.organization_id == organization_id)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    return list(db.session.scalars(statement))
