"""The agents' pages: list, show, new, edit, settings, delete, restore, remove."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from markupsafe import Markup

from webapp.agents import choices, deletion, services
from webapp.agents.figures import figures_of, load_figures
from webapp.agents.forms import SCHEMA_EXAMPLES, AgentForm
from webapp.agents.handoffs.services import agents_handing_off_to
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_READ, AGENTS_WRITE
from webapp.agents.references import handles_of
from webapp.agents.schemas import MAX_INSTRUCTIONS, AgentPatch, AgentQuery, AgentUpdate
from webapp.agents.tabs import AgentPanel
from webapp.agents.versions.services import EditConflict, list_history, merge_edits
from webapp.audit import services as audit
from webapp.catalog import services as catalog
from webapp.core.actor import Actor
from webapp.core.errors import Invalid, NotFound, PreconditionFailed
from webapp.core.feature import contributions
from webapp.core.http import problems
from webapp.core.security import current_actor, requires
from webapp.core.web import is_htmx, page, read_query, redirect_to

bp = Blueprint("agents", __name__, url_prefix="/agents")


@bp.get("")
@requires(AGENTS_READ)
def index() -> Response:
    actor = current_actor()
    query = read_query(AgentQuery)
    listed = services.list_agents(query, actor=actor)
    figures = load_figures(listed.items)
    # Who was removed for good in between is not listed any more.
    items = [agent for agent in listed.items if agent.id in figures]
    return page(
        "agents/index.html",
        fragment="agents/_list.html",
        agents=replace(listed, items=items),
        figures=figures,
        query=query,
        filters={name: value for name in query.filter_names if (value := request.args.get(name))},
        revision=audit.latest_id(actor.organization_id),
    )


@bp.get("/new")
@requires(AGENTS_WRITE)
def new() -> Response:
    return _form_page("agents/new.html", AgentForm(), is_new=True)


@bp.post("")
@requires(AGENTS_WRITE)
def create() -> Response:
    form = AgentForm()
    if form.validate():
        with form.refusing():
            agent = services.create_agent(form.to_create(), actor=current_actor())
            return redirect_to(
                "agents.show", handle=agent.handle, message=f"{agent.name} is ready."
            )
    return _form_page("agents/new.html", form, status=422)


@bp.get("/search/handoffs")
@requires(AGENTS_READ)
def find_handoffs() -> Response:
    """Agents for the letters typed into a form; `agent` is the handle of that form's own."""
    return page(
        "agents/_targets.html",
        targets=choices.find_targets(_typed(), actor=current_actor()),
        own=request.args.get("agent", ""),
        q=_typed(),
    )


@bp.get("/search/tools")
@requires(AGENTS_READ)
def find_tools() -> Response:
    """Tools for the letters typed into a form: those in use, and what was typed itself."""
    found = choices.find_tools(_typed(), actor=current_actor())
    typed = [_typed()] if _typed() and _typed() not in found else []
    return page("agents/_tools.html", tools=[*typed, *found], known=found)


@bp.get("/<handle>")
@requires(AGENTS_READ)
def show(handle: str) -> Response:
    actor = current_actor()
    agent = services.get_agent(handle, actor=actor)
    return page(
        "agents/show.html",
        fragment="agents/_overview.html",
        agent=agent,
        model=catalog.find_model(agent.organization_id, agent.model),
        figures={agent.id: figures_of(agent)},
        handoffs=services.handoff_agents(agent),
        handed_by=agents_handing_off_to(agent),
        history=list_history(agent.id, limit=3, actor=actor),
        panels=[Markup(panel.draw(agent)) for panel in contributions(AgentPanel)],  # noqa: S704 - drawn by templates
    )


@bp.get("/<handle>/edit")
@requires(AGENTS_WRITE)
def edit(handle: str) -> Response:
    agent = services.get_agent(handle, actor=current_actor())
    form = AgentForm.of(agent.definition, _live_handles(agent), base=agent.current_version)
    return _form_page("agents/edit.html", form, agent=agent)


@bp.post("/<handle>")
@requires(AGENTS_WRITE)
def update(handle: str) -> Response:
    agent = services.get_agent(handle, actor=current_actor())
    form = AgentForm()
    if form.validate():
        with form.refusing():
            return _save(agent, form)
    return _form_page("agents/edit.html", form, agent=agent, status=422)


@bp.post("/preview")
@requires(AGENTS_READ)
def preview() -> Response:
    """Instructions as their readers see them: Markdown without HTML and images."""
    text = request.form.get("instructions", "")
    if len(text) > MAX_INSTRUCTIONS:
        raise Invalid(f"Instructions have at most {MAX_INSTRUCTIONS:,} characters.")
    return page("agents/_preview.html", instructions=text)


@bp.get("/<handle>/settings")
@requires(AGENTS_WRITE)
def settings(handle: str) -> Response:
    return page("agents/settings.html", agent=services.get_agent(handle, actor=current_actor()))


@bp.post("/<handle>/pause")
@requires(AGENTS_WRITE)
def pause(handle: str) -> Response:
    is_paused = request.form.get("paused") == "true"
    agent = services.update_agent(handle, AgentPatch(paused=is_paused), actor=current_actor())
    undo: Any = {
        "message": f"{agent.name} is paused." if is_paused else f"{agent.name} goes on.",
        "undo": url_for("agents.pause", handle=agent.handle),
        "fields": {"paused": "false" if is_paused else "true", "stay": "1"},
    }
    flash(undo, "undo")
    return redirect_to("agents.settings", handle=agent.handle)


@bp.post("/<handle>/copies")
@requires(AGENTS_WRITE)
def duplicate(handle: str) -> Response:
    agent = services.duplicate_agent(handle, actor=current_actor())
    return redirect_to("agents.edit", handle=agent.handle, message=f"This is {agent.name}.")


@bp.post("/<handle>/deletion")
@requires(AGENTS_WRITE)
def destroy(handle: str) -> Response:
    force = request.form.get("force") == "true"
    agent = deletion.delete_agent(handle, actor=current_actor(), force=force)
    undo: Any = {
        "message": f"{agent.name} is deleted.",
        "undo": url_for("agents.restore", handle=agent.handle),
    }
    flash(undo, "undo")
    return redirect_to("agents.index")


@bp.post("/<handle>/restoration")
@requires(AGENTS_WRITE)
def restore(handle: str) -> Response:
    agent = deletion.restore_agent(handle, actor=current_actor())
    return redirect_to("agents.show", handle=agent.handle, message=f"{agent.name} is back.")


@bp.get("/<handle>/removal")
@requires(AGENTS_WRITE)
def removal(handle: str) -> Response:
    removal = deletion.preview_removal(handle, actor=current_actor())
    return page("agents/removal.html", agent=removal.agent, removal=removal)


@bp.post("/<handle>/removal")
@requires(AGENTS_WRITE)
def remove(handle: str) -> Response:
    removal = deletion.preview_removal(handle, actor=current_actor())
    if request.form.get("confirmation", "").strip() != removal.agent.handle:
        error = f"Type {removal.agent.handle} to go on."
        return page(
            "agents/removal.html", status=422, agent=removal.agent, removal=removal, error=error
        )
    name = removal.agent.name
    deletion.remove_agent(handle, actor=current_actor(), force=True)
    return redirect_to("agents.index", message=f"{name} and all that belonged to it is gone.")


@bp.app_errorhandler(services.AgentDeleted)
def show_deleted(error: services.AgentDeleted) -> Response:
    """Say on any page of a deleted agent what has become of it."""
    body = problems.describe(error)
    if problems.wants_problem():
        return problems.respond(body)
    if is_htmx():
        told = {"detail": f"{error.agent.name} was deleted.", "suggestions": []}
        return problems.respond(body | told)
    return problems.draw_page("agents/deleted.html", body, agent=error.agent)


def definition_url(agent: Agent, actor: Actor) -> str:
    """Where the definition is edited, or else read."""
    if actor.may(AGENTS_WRITE):
        return url_for("agents.edit", handle=agent.handle)
    return url_for("agent_versions.show", handle=agent.handle, version=agent.current_version)


def _save(agent: Agent, form: AgentForm) -> Response:
    """Save what the form says, or show it merged with what others have saved since."""
    actor = current_actor()
    body = form.to_update(agent, _live_handles(agent))
    base = form.base_version
    if "take" in request.form:
        start = form.origin_version or agent.current_version
        return _conflict_page(_merge(agent, start, body), form)
    try:
        if_match = None if base is None else f'"v{base}"'
        saved = services.update_agent(agent.id, body, actor=actor, if_match=if_match)
    except PreconditionFailed:
        start = base or agent.current_version
        return _conflict_page(_merge(agent, start, body), form)
    is_new = saved.current_version != base
    message = f"Saved as version {saved.current_version}." if is_new else "Nothing has changed."
    return redirect_to("agents.show", handle=saved.handle, message=message)


def _merge(agent: Agent, start: int, body: AgentUpdate) -> EditConflict:
    """Both changes since version `start`; Invalid where the form names a version that never was."""
    try:
        return merge_edits(agent.id, start, body, actor=current_actor())
    except NotFound as error:
        raise Invalid(error.message) from error


def _conflict_page(conflict: EditConflict, form: AgentForm) -> Response:
    """The edit form again, with both changes; `take` puts the other's value into a field."""
    values = dict(conflict.merge.values)
    if (name := request.form.get("take")) in conflict.merge.conflicts:
        values[name] = conflict.agent.definition[name]
        conflict.merge.conflicts.remove(name)
    handles = handles_of(values["handoff_targets"], actor=current_actor())
    merged = AgentForm.of(
        values | {"version_note": form.version_note.data},
        [handles[target] for target in values["handoff_targets"] if target in handles],
        base=conflict.agent.current_version,
        origin=conflict.base,
    )
    return _form_page(
        "agents/edit.html", merged, agent=conflict.agent, conflict=conflict, status=409
    )


def _form_page(
    template: str,
    form: AgentForm,
    *,
    agent: Agent | None = None,
    is_new: bool = False,
    status: int = 200,
    **context: Any,
) -> Response:
    actor = current_actor()
    models = catalog.load_models(actor.organization_id)
    if is_new:
        form.model.data = next(model.name for model in models if model.is_default)
    if agent is not None:
        del form.handle
    return page(
        template,
        status=status,
        form=form,
        agent=agent,
        schema_examples=SCHEMA_EXAMPLES,
        models=choices.list_models(models, actor=actor),
        known_models=sorted({name for model in models for name in model.references}),
        **context,
    )


def _typed() -> str:
    return request.args.get("q", "").strip()[:255]


def _live_handles(agent: Agent) -> list[str]:
    return [target.handle for target in services.handoff_agents(agent)]
