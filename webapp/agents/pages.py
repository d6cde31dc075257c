"""The agents' pages: list, show, new, edit, delete, restore."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from pydantic import ValidationError

from webapp.agents import services
from webapp.agents.forms import AgentForm
from webapp.agents.schemas import AgentQuery
from webapp.core.actor import Role
from webapp.core.errors import DomainError, Invalid, validation_errors
from webapp.core.security import current_actor, requires
from webapp.core.web import page, to

bp = Blueprint("agents", __name__, url_prefix="/agents")


@bp.get("")
@requires(Role.VIEWER)
def index() -> Response:
    arguments = {name: value for name, value in request.args.items() if value != ""}
    try:
        query = AgentQuery.model_validate(arguments)
    except ValidationError as error:
        raise Invalid(validation_errors(error)[0]["message"]) from error
    agents = services.list_agents(query, actor=current_actor())
    return page("agents/index.html", fragment="agents/_list.html", agents=agents, query=query)


@bp.get("/new")
@requires(Role.ADMIN)
def new() -> Response:
    return page("agents/new.html", form=AgentForm())


@bp.post("")
@requires(Role.ADMIN)
def create() -> Response:
    form = AgentForm()
    if form.validate():
        try:
            agent = services.create_agent(form.to_create(), actor=current_actor())
        except DomainError as error:
            form.reject(error)
        except ValidationError as error:
            _reject(form, error)
        else:
            return to("agents.show", handle=agent.handle, message=f"{agent.name} is ready.")
    return page("agents/new.html", status=422, form=form)


@bp.get("/<handle>")
@requires(Role.VIEWER)
def show(handle: str) -> Response:
    agent = services.get_agent(handle, actor=current_actor())
    return page("agents/show.html", agent=agent, handoffs=services.handoff_agents(agent))


@bp.get("/<handle>/edit")
@requires(Role.ADMIN)
def edit(handle: str) -> Response:
    agent = services.get_agent(handle, actor=current_actor())
    form = AgentForm.of(agent, services.handoff_agents(agent))
    del form.handle
    return page("agents/edit.html", agent=agent, form=form)


@bp.post("/<handle>")
@requires(Role.ADMIN)
def update(handle: str) -> Response:
    actor = current_actor()
    agent = services.get_agent(handle, actor=actor)
    form = AgentForm()
    del form.handle
    if form.validate():
        try:
            agent = services.update_agent(agent.id, form.to_update(), actor=actor)
        except DomainError as error:
            form.reject(error)
        except ValidationError as error:
            _reject(form, error)
        else:
            return to("agents.show", handle=agent.handle, message="Saved.")
    return page("agents/edit.html", status=422, agent=agent, form=form)


@bp.post("/<handle>/deletion")
@requires(Role.ADMIN)
def destroy(handle: str) -> Response:
    agent = services.delete_agent(handle, actor=current_actor())
    undo: Any = {
        "message": f"{agent.name} is deleted.",
        "undo": url_for("agents.restore", handle=agent.handle),
    }
    flash(undo, "undo")
    return to("agents.index")


@bp.post("/<handle>/restoration")
@requires(Role.ADMIN)
def restore(handle: str) -> Response:
    agent = services.restore_agent(handle, actor=current_actor())
    return to("agents.show", handle=agent.handle, message=f"{agent.name} is back.")


def _reject(form: AgentForm, error: ValidationError) -> None:
    for item in validation_errors(error):
        form.reject(Invalid(item["message"], field=item["field"].split(".")[0]))
