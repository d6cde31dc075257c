"""Moving from one version of the taxonomy to another: what would happen, then the task."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from webapp.core.errors import DomainError
from webapp.core.schemas import read
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to
from webapp.coverage.moves import services as moves
from webapp.coverage.moves.forms import MoveForm
from webapp.coverage.moves.schemas import MoveRequest
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.browsing import name_topics
from webapp.taxonomies.forms import read_topics
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

bp = Blueprint("moves", __name__, url_prefix="/taxonomies/<version>/move")

#: changed topics that the page has a field for
SHOWN = 100


@bp.get("")
@requires(KNOWLEDGE_WRITE)
def show(version: str) -> Response:
    return _move_page(version, MoveForm(formdata=None))


@bp.post("/preview")
@requires(KNOWLEDGE_WRITE)
def preview(version: str) -> Response:
    """The page again, with what was written into it."""
    return _move_page(version, MoveForm())


@bp.post("")
@requires(KNOWLEDGE_WRITE)
def start(version: str) -> Response:
    form = MoveForm()
    if form.validate():
        with form.refusing():
            body = _chosen(_body(version))
            task = moves.start_move(version, body, actor=current_actor())
            return redirect_to("tasks.show", task_id=task.id)
    return _move_page(version, form, status=422)


def _move_page(version: str, form: MoveForm, *, status: int = 200) -> Response:
    actor = current_actor()
    taxonomies.get_taxonomy(version, actor=actor)
    known = taxonomies.list_taxonomies(actor=actor)
    others = [item.version for item in known if item.version != version]
    preview = None
    if others:
        try:
            preview = moves.preview_move(
                version, _body(version, others[0]), actor=actor, limit=SHOWN
            )
        except DomainError as error:
            if status == 200:
                form.reject(error)
                status = 422
            start = request.values.get("start")
            body = MoveRequest(start=start if start in others else others[0])
            preview = moves.preview_move(version, body, actor=actor, limit=SHOWN)
    return page(
        "coverage/moves/new.html",
        status=status,
        form=form,
        version=version,
        others=others,
        preview=preview,
        unticked=_unticked(),
    )


def _body(version: str, start: str = "") -> MoveRequest:
    """What the form says. What a topic becomes anyhow is no rename."""
    body = read(MoveRequest, {"start": request.values.get("start", start)})
    # What is typed is meant rather than what was chosen before, which stands in front of it.
    given = {
        name.removeprefix("to-"): next(reversed(read_topics(values)), None)
        for name, values in request.form.lists()
        if name.startswith("to-")
    }
    if not given:
        return body
    actor = current_actor()
    ids = [item for item in given.values() if isinstance(item, UUID)]
    paths = {topic.node_id: topic.path for topic in name_topics(ids, actor=actor)}
    node_ids = [item for item in read_topics(given) if isinstance(item, UUID)]
    changed = moves.find_changed_topics(version, body.start, node_ids, actor=actor)
    renames = [
        {"start": item.path, "end": paths.get(to, [str(to)]) if isinstance(to, UUID) else to}
        for item in changed.values()
        if (to := given.get(str(item.node_id), item.new_id)) not in (item.new_id, item.new_path)
    ]
    return read(MoveRequest, {"start": body.start, "renames": renames})


def _chosen(body: MoveRequest) -> MoveRequest:
    """With the ticked agents, where the page had boxes for all of them."""
    if "listed" in request.form:
        ids = {"agent_ids": request.form.getlist("agent")}
        return read(MoveRequest, body.model_dump() | ids)
    return body


def _unticked() -> set[str]:
    return set(request.form.getlist("listed")) - set(request.form.getlist("agent"))
