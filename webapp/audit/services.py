"""The one way into the audit table, and the reads that pages need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, SessionTransaction, aliased

from webapp.audit.models import AuditEntry
from webapp.audit.permissions import AUDIT_READ
from webapp.audit.refusals import REFUSALS
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database.text import like_pattern
from webapp.core.extensions import db

#: entries among which a deletion is looked for: no index leads to it
DELETIONS_AMONG = 5_000
#: entries that an export reads in one look, and holds in memory
EXPORTED_AT_ONCE = 500
#: announced with every entry
FEED = "audit:all"

#: of each open transaction the first entry of every change of many things
_Acts = WeakKeyDictionary[SessionTransaction, dict[tuple[str | None, ...], AuditEntry]]


@dataclass(frozen=True)
class Selection:
    """Which entries are wanted: those that fit all that is given.

    `actor` is a part of a name, `subject` a part of one or an id; `span` reaches back from now.
    """

    actor: str = ""
    action: str = ""
    subject: str = ""
    span: timedelta | None = None
    since: datetime | None = None
    until: datetime | None = None
    request_id: str = ""
    is_refused: bool | None = None


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
    entry = AuditEntry(
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
    if actor.request_id and detail.get("bulk"):
        _join_act(entry)
    db.session.add(entry)
    live.announce(FEED, actor.organization_id)


def _join_act(entry: AuditEntry) -> None:
    """Let it follow the first one of the same change of many things, if it is not that itself.

    A client names its requests, and may name several alike: an act ends with its transaction.
    """
    session = db.session()
    acts: _Acts = session.info.setdefault("acts", WeakKeyDictionary())
    transaction = session.get_nested_transaction() or session.get_transaction() or session.begin()
    what = (entry.request_id, entry.actor_name, entry.action, entry.subject_type)
    first = acts.setdefault(transaction, {}).setdefault(what, entry)
    if first is entry:
        return
    if first.id is None:
        session.flush()
    entry.first_id = first.id


def latest_id(organization_id: UUID) -> int:
    """A number that rises with every change in an organization, 0 at first."""
    statement = select(func.max(AuditEntry.id)).where(AuditEntry.organization_id == organization_id)
    return db.session.scalar(statement) or 0


def entries_after(entry_id: int, organization_id: UUID, *, limit: int) -> list[AuditEntry]:
    """The first entries of an organization that came after another, oldest first."""
    statement = (
        select(AuditEntry)
        .where(
            AuditEntry.organization_id == organization_id,
            AuditEntry.id > entry_id,
            AuditEntry.action.not_in(REFUSALS),
        )
        .order_by(AuditEntry.id)
        .limit(limit)
    )
    return list(db.session.scalars(statement))


def join_acts(entries: Sequence[AuditEntry]) -> list[AuditEntry]:
    """These entries, newest first, of which one stands for each change of many things."""
    acts: list[AuditEntry] = []
    for entry in sorted(entries, key=lambda entry: -entry.id):
        if acts and entry.act_id == acts[-1].act_id:
            acts[-1].together += 1
        else:
            acts.append(entry)
    return acts


def describe_deletion(
    subject_type: str, *, actor: Actor, is_for_good: bool = True, **subject: str
) -> list[str]:
    """When and by whom a thing of the actor's organization was deleted, as a sentence or none.

    `subject` has its `subject_id` or `subject_name`. Known of what is among the newest entries.
    """
    newest = (
        select(AuditEntry)
        .where(
            AuditEntry.organization_id == actor.organization_id,
            AuditEntry.action.not_in(REFUSALS),
        )
        .order_by(AuditEntry.id.desc())
        .limit(DELETIONS_AMONG)
        .subquery()
    )
    entry = aliased(AuditEntry, newest)
    found = db.session.scalar(
        select(entry)
        .where(entry.action.in_(("delete", "remove")))
        .filter_by(subject_type=subject_type, **subject)
        .order_by(entry.id.desc())
        .limit(1)
    )
    if found is None:
        return []
    ago = clock.in_words(found.created_at)
    deed = "deleted for good" if is_for_good else "deleted"
    return [f"{found.subject_name} was {deed} by {found.actor_name}, {ago}."]


def latest(organization_id: UUID, *, limit: int = 12) -> list[AuditEntry]:
    """What was done last in an organization, newest first; what was done to many things is one."""
    is_done = AuditEntry.action.not_in(REFUSALS)
    return _read(AuditEntry.organization_id == organization_id, is_done, limit=limit)[0]


def list_entries(
    selection: Selection = Selection(),
    *,
    actor: Actor,
    before: int | None = None,
    limit: int = 50,
    is_each: bool = False,
) -> tuple[list[AuditEntry], int | None]:
    """Entries of the actor's organization, newest first, and before which id older ones stand.

    What was done to many things at once is its first entry, unless each is wanted or the selection
    asks for those of one request or of some things.
    """
    actor.require(AUDIT_READ)
    is_each = is_each or bool(selection.request_id or selection.subject.strip())
    conditions = _conditions(selection, actor)
    return _read(*conditions, limit=limit, before=before, is_each=is_each)


def export_entries(selection: Selection, *, actor: Actor) -> Iterator[list[AuditEntry]]:
    """All matching entries, newest first, in parts of `EXPORTED_AT_ONCE`; the first may be empty.

    The log only grows at its beginning, so what is added meanwhile is in none. Between two parts no
    transaction is open: who fetches them may take its time.
    """
    actor.require(AUDIT_READ)
    statement = select(AuditEntry).where(*_conditions(selection, actor))
    statement = statement.order_by(AuditEntry.id.desc()).limit(EXPORTED_AT_ONCE)
    entries = list(db.session.scalars(statement))
    while True:
        last_id = entries[-1].id if entries else 0
        is_more = len(entries) == EXPORTED_AT_ONCE
        db.session.expunge_all()
        db.session.rollback()
        yield entries
        if not is_more:
            return
        entries = list(db.session.scalars(statement.where(AuditEntry.id < last_id)))
        if not entries:
            return


def _conditions(selection: Selection, actor: Actor) -> Iterator[ColumnElement[bool]]:
    yield AuditEntry.organization_id == actor.organization_id
    if selection.actor.strip():
        yield _holds(AuditEntry.actor_name, selection.actor)
    if subject := selection.subject.strip():
        yield or_(_holds(AuditEntry.subject_name, subject), AuditEntry.subject_id == subject)
    if selection.action:
        yield AuditEntry.action == selection.action
    if selection.span is not None:
        yield AuditEntry.created_at >= clock.now() - selection.span
    if selection.since is not None:
        yield AuditEntry.created_at >= selection.since
    if selection.until is not None:
        yield AuditEntry.created_at <= selection.until
    if selection.request_id:
        yield AuditEntry.request_id == selection.request_id
    if selection.is_refused is not None:
        is_refusal = AuditEntry.action.in_(REFUSALS)
        yield is_refusal if selection.is_refused else ~is_refusal


def _holds(column: InstrumentedAttribute[str], part: str) -> ColumnElement[bool]:
    return func.lower(column).like(like_pattern(part.strip().lower()), escape="\\")


def _read(
    *conditions: ColumnElement[bool],
    limit: int,
    before: int | None = None,
    is_each: bool = False,
) -> tuple[list[AuditEntry], int | None]:
    """The newest entries, each or one for each act, and the id before which the next ones stand."""
    statement = select(AuditEntry).where(*conditions)
    if not is_each:
        statement = statement.where(AuditEntry.first_id.is_(None))
    if before is not None:
        statement = statement.where(AuditEntry.id < before)
    found = db.session.scalars(statement.order_by(AuditEntry.id.desc()).limit(limit + 1)).all()
    entries = list(found[:limit])
    if not is_each:
        _measure_acts(entries)
    return entries, entries[-1].id if len(found) > limit else None


def _measure_acts(entries: Sequence[AuditEntry]) -> None:
    """Let those that began a change of many things know how many there are, and the last."""
    first_ids = [entry.id for entry in entries if entry.detail.get("bulk")]
    if not first_ids:
        return
    further = (
        select(AuditEntry.first_id, func.count(), func.max(AuditEntry.id))
        .where(AuditEntry.first_id.in_(first_ids))
        .group_by(AuditEntry.first_id)
    )
    acts = {first_id: (count, last_id) for first_id, count, last_id in db.session.execute(further)}
    for entry in entries:
        if entry.id in acts:
            count, entry.last_id = acts[entry.id]
            entry.together = 1 + count
