"""Views: listed, saved, changed and deleted."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked, lock_name
from webapp.core.errors import Conflict, Forbidden, Invalid, NotFound
from webapp.core.extensions import db
from webapp.views.lists import find_list
from webapp.views.models import MAX_NAME, MAX_QUERY, SavedView
from webapp.views.permissions import VIEWS_MANAGE, VIEWS_SHARE, VIEWS_WRITE

#: views of one list that a person may keep
MAX_VIEWS = 50
#: views of one list that are shown, those of others included
MAX_SHOWN = 100


def list_views(list_name: str, *, actor: Actor) -> list[SavedView]:
    """The actor's own views of a list and those that are shared, by name."""
    statement = (
        select(SavedView)
        .where(_is_visible(actor), SavedView.list_name == list_name)
        .order_by(func.lower(SavedView.name), SavedView.id)
        .limit(MAX_SHOWN)
    )
    return list(db.session.scalars(statement))


def save_view(
    list_name: str, name: str, query_string: str, *, is_shared: bool = False, actor: Actor
) -> SavedView:
    """Keep what a list shows under a name; NotFound for no list.

    Raises Conflict where the actor has a view of this name, or as many as one may keep; Invalid
    where the list cannot be shown so.
    """
    actor.require(VIEWS_WRITE)
    normalized = _read_filters(list_name, query_string)
    if actor.user_id is None:
        raise Forbidden("A view belongs to a person; sign in.", code="needs_person")
    view = SavedView(
        organization_id=actor.organization_id,
        owner_id=actor.user_id,
        list_name=list_name,
        query_string=normalized,
    )
    _lock_views_of_owner(view)
    if len(_names_of_owner(view)) >= MAX_VIEWS:
        raise Conflict(f"You have {MAX_VIEWS} views of this list. Delete one to save another.")
    _describe(view, name, is_shared, actor)
    db.session.add(view)
    db.session.flush()
    audit.record(actor, "create", view)
    announce(view)
    db.session.commit()
    return view


def change_view(view_id: UUID, *, name: str, is_shared: bool, actor: Actor) -> SavedView:
    """Give a view another name, share it or keep it to its owner."""
    view = _get_to_change(view_id, actor)
    _lock_views_of_owner(view)
    _describe(view, name, is_shared, actor)
    view.updated_at = clock.now()
    audit.record(actor, "update", view)
    announce(view)
    db.session.commit()
    return view


def change_filters(view_id: UUID, query_string: str, *, actor: Actor) -> SavedView:
    """Let a view show other filters and another order; Invalid where the list cannot."""
    view = _get_to_change(view_id, actor)
    view.query_string = _read_filters(view.list_name, query_string)
    view.updated_at = clock.now()
    audit.record(actor, "update", view)
    announce(view)
    db.session.commit()
    return view


def delete_view(view_id: UUID, *, actor: Actor) -> SavedView:
    view = _get_to_change(view_id, actor)
    db.session.delete(view)
    audit.record(actor, "delete", view)
    announce(view)
    db.session.commit()
    return view


def may_change(view: SavedView, actor: Actor) -> bool:
    """Whether the view is the actor's own, or shared and the actor manages these."""
    return view.owner_id == actor.user_id or (view.is_shared and actor.may(VIEWS_MANAGE))


def announce(view: SavedView) -> None:
    live.announce("views:all", view.organization_id)


def _is_visible(actor: Actor) -> ColumnElement[bool]:
    is_seen = or_(SavedView.owner_id == actor.user_id, SavedView.is_shared)
    return (SavedView.organization_id == actor.organization_id) & is_seen


def _get_to_change(view_id: UUID, actor: Actor) -> SavedView:
    """A view that is seen, locked; Forbidden where it is another's."""
    actor.require(VIEWS_WRITE)
    view: SavedView | None = get_locked(
        select(SavedView).where(_is_visible(actor), SavedView.id == view_id)
    )
    if view is None:
        raise NotFound(f"View not found: {view_id}")
    if not may_change(view, actor):
        raise Forbidden("Only its owner or an admin changes a view.")
    return view


def _read_filters(list_name: str, query_string: str) -> str:
    viewed = find_list(list_name)
    normalized = viewed.normalize(query_string)
    if len(normalized) > MAX_QUERY:
        raise Invalid(f"The filters of a view have at most {MAX_QUERY:,} characters.")
    viewed.check(normalized)
    return normalized


def _describe(view: SavedView, name: str, is_shared: bool, actor: Actor) -> None:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise Invalid(f"A view has a name of 1 to {MAX_NAME} characters.", field="name")
    if name != view.name and name.lower() in _names_of_owner(view):
        raise Conflict(f"There is a view “{name}” already. Choose another name.", field="name")
    if is_shared and not view.is_shared:
        actor.require(VIEWS_SHARE)
    view.name, view.is_shared = name, is_shared


def _lock_views_of_owner(view: SavedView) -> None:
    """Let one change at a time look at the owner's names and make another."""
    lock_name(f"views:{view.organization_id}:{view.owner_id}:{view.list_name}")


def _names_of_owner(view: SavedView) -> set[str]:
    """In small letters, the names that the owner has given to views of this list."""
    with db.session.no_autoflush:
        statement = select(SavedView.name).where(
            SavedView.organization_id == view.organization_id,
            SavedView.owner_id == view.owner_id,
            SavedView.list_name == view.list_name,
        )
        return {name.lower() for name in db.session.scalars(statement)}
