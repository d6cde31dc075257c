"""Bulk changes from the list: first what they are about, then the task."""

from __future__ import annotations

from typing import Any, get_args

from flask import Blueprint, Response, request

from webapp.core.errors import BadReference, Invalid
from webapp.core.schemas import read, read_text
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to
from webapp.documents.bulk import services
from webapp.documents.bulk.forms import BulkForm
from webapp.documents.bulk.schemas import Action, BulkRequest, StrictFilter
from webapp.documents.deletion import services as deletion
from webapp.taxonomies.forms import Reference
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

bp = Blueprint("document_bulk", __name__, url_prefix="/documents/bulk")

ACTIONS = get_args(Action)


@bp.get("")
@requires(KNOWLEDGE_WRITE)
def show() -> Response:
    return _bulk_page(BulkForm(formdata=None))


@bp.post("")
@requires(KNOWLEDGE_WRITE)
def start() -> Response:
    form, action = BulkForm(), _action()
    if form.validate():
        try:
            body = _body(action, form.topics.data if action != "delete" else [])
            task = services.start_bulk(body, actor=current_actor())
        except (Invalid, BadReference) as error:
            if error.field is None or error.field.split(".")[0] not in ("nodes", "body"):
                raise
            form.topics.errors = [*form.topics.errors, error.errors[0]["message"]]
        else:
            return redirect_to("tasks.show", task_id=task.id)
    return _bulk_page(form, status=422)


def _bulk_page(form: BulkForm, *, status: int = 200) -> Response:
    # Which documents are meant does not depend on what will be done to them.
    selection = _body("delete", [])
    return page(
        "documents/bulk/new.html",
        status=status,
        form=form,
        action=_action(),
        preview=services.preview_bulk(selection, actor=current_actor()),
        chosen=_selected(),
        filters=_filters(),
        kept_for=deletion.kept_for(),
    )


def _action() -> str:
    action: str = request.values.get("action", "")
    if action not in ACTIONS:
        raise Invalid("Say what to do with the documents: delete, set_topics or add_topics.")
    return action


def _body(action: str, nodes: list[Reference]) -> BulkRequest:
    values: dict[str, Any]
    if "all" in request.values:
        values = {"filter": read_text(StrictFilter, _filters())}
    elif ids := request.values.getlist("id"):
        values = {"ids": ids}
    else:
        raise Invalid("Select at least one document.")
    return read(BulkRequest, {"action": action, "nodes": nodes, **values})


def _filters() -> dict[str, str]:
    """How the list was filtered in which the documents were selected."""
    names = StrictFilter.model_fields
    return {name: request.values[name] for name in names if request.values.get(name)}


def _selected() -> list[tuple[str, str]]:
    """The selection as hidden fields, so that the next step is about the same documents.

    The filters go along with chosen documents too: they lead back to the same list.
    """
    name = "all" if "all" in request.values else "id"
    return [*((name, value) for value in request.values.getlist(name)), *_filters().items()]
