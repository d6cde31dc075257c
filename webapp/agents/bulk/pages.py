"""Bulk changes from the list: first what would happen to which agents, then doing it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from werkzeug.datastructures import MultiDict

from webapp.agents.bulk import services
from webapp.agents.bulk.schemas import BulkChanges, BulkSelection, Restoration, StrictFilter
from webapp.agents.labels import label_of, labels_of
from webapp.agents.models import name_key
from webapp.agents.permissions import AGENTS_WRITE
from webapp.core import clock
from webapp.core.added_fields import complete
from webapp.core.counts import counted, local
from webapp.core.errors import Invalid
from webapp.core.schemas import read, read_text
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to

bp = Blueprint("agent_bulk", __name__, url_prefix="/agents/bulk")

DONE = {
    "pause": "paused",
    "resume": "resumed",
    "change": "changed",
    "delete": "deleted",
    "restore": "restored",
}
FIELDS = ("model", "voice", "modality", "tools", "description")


@bp.get("")
@requires(AGENTS_WRITE)
def show() -> Response:
    """What would happen; a dry run, which writes nothing."""
    values = request.args
    action = _action(values)
    field = values.get("field", FIELDS[0])
    labels = labels_of(field) if field in FIELDS else {}
    is_chosen = not labels or values.get("value") in labels
    is_ready = action != "change" or ("value" in values and is_chosen)
    results = (
        _run(values, is_dry_run=True)
        if is_ready
        else services.select_only(_selection(values), actor=current_actor())
    )
    return page(
        "agents/bulk.html",
        action=action,
        results=sorted(results, key=lambda result: name_key(result.name or result.id)),
        filters=_filters(values),
        summary=services.summary(results),
        selection=_selected(values),
        fields=FIELDS,
        chosen=field,
        labels=labels,
        is_ready=is_ready,
    )


@bp.post("")
@requires(AGENTS_WRITE)
def update() -> Response:
    deleted_at = clock.now()
    results = _run(request.form, is_dry_run=False, at=deleted_at)
    summary = services.summary(results)
    message = _told(request.form, summary["changed"])
    if summary["refused"]:
        message += f" {summary['refused']} could not be."
    filters = _filters(request.form)
    if _action(request.form) != "delete" or not summary["changed"]:
        return redirect_to("agents.index", message=message, **filters)
    undo: Any = {
        "message": message,
        "undo": url_for("agent_bulk.restore"),
        "fields": {"deleted_at": deleted_at.isoformat()},
    }
    flash(undo, "undo")
    return redirect_to("agents.index", **filters)


@bp.post("/restoration")
@requires(AGENTS_WRITE)
def restore() -> Response:
    """Bring back those that were deleted together."""
    body = read_text(Restoration, {"deleted_at": request.form.get("deleted_at", "")})
    agents = services.restore_agents(body.deleted_at, actor=current_actor())
    message = local(f"{counted(len(agents), 'agent')} restored.")
    return redirect_to("agents.index", message=message)


def _told(values: MultiDict[str, str], count: int) -> str:
    """What was done with how many: "3 agents paused.", "Model of 3 agents changed."."""
    action, agents = _action(values), counted(count, "agent")
    if action == "change":
        return local(f"{label_of(values.get('field', ''))} of {agents} changed.")
    return local(f"{agents} {DONE[action]}.")


def _run(
    values: MultiDict[str, str], *, is_dry_run: bool, at: datetime | None = None
) -> list[services.BulkResult]:
    actor, action = current_actor(), _action(values)
    selection = _selection(values)
    if action == "delete":
        is_forced = values.get("force") == "true"
        return services.delete_agents(
            selection, actor=actor, force=is_forced, is_dry_run=is_dry_run, at=at
        )
    if action == "restore":
        return services.restore_selected(selection, actor=actor, is_dry_run=is_dry_run)
    changes = read(BulkChanges, _changes(values, action))
    return services.update_agents(selection, changes, actor=actor, is_dry_run=is_dry_run)


def _action(values: MultiDict[str, str]) -> str:
    action = values.get("action", "")
    if action not in DONE:
        raise Invalid(f"Say what to do with the agents: {', '.join(DONE)}.")
    return action


def _selection(values: MultiDict[str, str]) -> BulkSelection:
    if "all" in values:
        return read(BulkSelection, {"filter": read_text(StrictFilter, _filters(values))})
    ids = values.getlist("id")
    if not ids:
        raise Invalid("Select at least one agent.")
    return read(BulkSelection, {"ids": ids})


def _filters(values: MultiDict[str, str]) -> dict[str, str]:
    """How the list was filtered in which the agents were selected."""
    return {name: values[name] for name in complete(StrictFilter).model_fields if values.get(name)}


def _selected(values: MultiDict[str, str]) -> list[tuple[str, str]]:
    """The selection as hidden fields, so that the next step is about the same agents.

    The filters go along with chosen agents too: they lead back to the same list.
    """
    names = ("all",) if "all" in values else ("id",)
    chosen = [(name, value) for name in names for value in values.getlist(name) if value]
    return [*chosen, *_filters(values).items()]


def _changes(values: MultiDict[str, str], action: str) -> dict[str, Any]:
    if action != "change":
        return {"paused": action == "pause"}
    name, value = values.get("field", ""), values.get("value", "").strip()
    if name not in FIELDS:
        raise Invalid(f"field must be one of {', '.join(FIELDS)}.", field="field")
    if name == "tools":
        return {name: [word.strip() for word in value.split(",") if word.strip()]}
    return {name: None if name == "voice" and not value else value}
