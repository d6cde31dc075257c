"""What the list's bar does with many executions: first what would happen, then doing it."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.core.counts import counted, local
from webapp.core.errors import Invalid
from webapp.core.schemas import read_text
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to
from webapp.executions import bulk
from webapp.executions.bulk import MAX_EXECUTIONS
from webapp.executions.schemas import ExecutionSelection, RetryRequest, StrictExecutionFilter

bp = Blueprint("execution_bulk", __name__, url_prefix="/executions/bulk")

DONE = {"cancel": "cancelled", "retry": "started again"}


@bp.get("")
@requires(EXECUTIONS_RUN)
def show() -> Response:
    """What would happen; that a version may not run any more is found out when it is done."""
    values = request.args
    action = _action(values)
    ended, others = bulk.count_ended(_selection(values), actor=current_actor())
    return page(
        "executions/bulk.html",
        action=action,
        count=others if action == "cancel" else ended,
        refused=ended if action == "cancel" else others,
        filters=_filters(values),
        selection=_selected(values),
    )


@bp.post("")
@requires(EXECUTIONS_RUN)
def update() -> Response:
    results = _run(request.form)
    done = sum(result.error is None for result in results)
    message = local(f"{counted(done, 'execution')} {DONE[_action(request.form)]}.")
    if done < len(results):
        message += f" {len(results) - done} could not be."
    return redirect_to("executions.index", message=message, **_filters(request.form))


def _run(values: MultiDict[str, str]) -> list[bulk.BulkResult]:
    actor, selection = current_actor(), _selection(values)
    if _action(values) == "cancel":
        return bulk.cancel_executions(selection, actor=actor)
    return bulk.retry_executions(selection, RetryRequest(), actor=actor)


def _action(values: MultiDict[str, str]) -> str:
    action = values.get("action", "")
    if action not in DONE:
        raise Invalid(f"Say what to do with the executions: {' or '.join(DONE)}.")
    return action


def _selection(values: MultiDict[str, str]) -> ExecutionSelection:
    if "all" in values:
        return ExecutionSelection(filter=read_text(StrictExecutionFilter, _filters(values)))
    ids = values.getlist("id")
    if not ids:
        raise Invalid("Select at least one execution.")
    try:
        return ExecutionSelection(ids=[UUID(value) for value in ids[:MAX_EXECUTIONS]])
    except ValueError as error:
        raise Invalid("Select executions by their ids.") from error


def _filters(values: MultiDict[str, str]) -> dict[str, str]:
    """How the list was filtered in which they were selected."""
    fields = StrictExecutionFilter.model_fields
    names = [item.alias or name for name, item in fields.items()]
    return {name: values[name] for name in names if values.get(name)}


def _selected(values: MultiDict[str, str]) -> list[tuple[str, str]]:
    """The selection as hidden fields, so that the next step is about the same ones."""
    name = "all" if "all" in values else "id"
    chosen = [(name, value) for value in values.getlist(name) if value]
    return [*chosen, *_filters(values).items()]
