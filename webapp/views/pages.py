"""The bar of views over a list, and the forms in it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, flash, request, url_for

from webapp.core.http.returning import see_other
from webapp.core.security import current_actor, requires
from webapp.core.web import page
from webapp.views import services
from webapp.views.lists import ViewedList, find_list
from webapp.views.models import SavedView
from webapp.views.permissions import VIEWS_WRITE

bp = Blueprint("views", __name__, url_prefix="/views")


@dataclass(frozen=True)
class ViewBar:
    """The views of a list with their addresses, and the one that the page shows.

    `query_string` are the page's own filters, as they would be saved; `changeable` are the views
    whose filters the actor may replace by them.
    """

    list_name: str
    href: str
    query_string: str
    views: list[tuple[SavedView, str]]
    current: SavedView | None
    changeable: list[SavedView]


def view_bar(name: str) -> ViewBar:
    """What `views/_bar.html` draws over the list of this name."""
    actor, viewed = current_actor(), find_list(name)
    query_string = viewed.normalize(request.query_string.decode())
    views = services.list_views(name, actor=actor)
    current = next((view for view in views if view.query_string == query_string), None)
    return ViewBar(
        name,
        url_for(viewed.endpoint),
        query_string,
        [(view, _address(viewed, view)) for view in views],
        current if query_string else None,
        [view for view in views if services.may_change(view, actor)],
    )


@bp.get("/chips")
@requires(VIEWS_WRITE)
def chips() -> Response:
    """The views of `list`, for a page that is told of a change; it marks the shown one itself."""
    return page("views/_chips.html", bar=view_bar(request.args.get("list", "")))


@bp.post("")
@requires(VIEWS_WRITE)
def create() -> Response:
    view = services.save_view(
        request.form.get("list", ""),
        request.form.get("name", ""),
        request.form.get("query", ""),
        is_shared="shared" in request.form,
        actor=current_actor(),
    )
    return _show(view, f"{view.name} is saved.")


@bp.post("/<uuid:view_id>")
@requires(VIEWS_WRITE)
def update(view_id: UUID) -> Response:
    view = services.change_view(
        view_id,
        name=request.form.get("name", ""),
        is_shared="shared" in request.form,
        actor=current_actor(),
    )
    return _show(view, f"{view.name} is saved.")


@bp.post("/<uuid:view_id>/filters")
@requires(VIEWS_WRITE)
def update_filters(view_id: UUID) -> Response:
    view = services.change_filters(view_id, request.form.get("query", ""), actor=current_actor())
    return _show(view, f"{view.name} is saved.")


@bp.post("/<uuid:view_id>/deletion")
@requires(VIEWS_WRITE)
def destroy(view_id: UUID) -> Response:
    view = services.delete_view(view_id, actor=current_actor())
    flash(f"The view {view.name} is deleted.", "success")
    return see_other(url_for(find_list(view.list_name).endpoint))


def _show(view: SavedView, message: str) -> Response:
    flash(message, "success")
    return see_other(_address(find_list(view.list_name), view))


def _address(viewed: ViewedList, view: SavedView) -> str:
    base = url_for(viewed.endpoint)
    return f"{base}?{view.query_string}" if view.query_string else base
