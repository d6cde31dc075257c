"""Choosing what an agent knows about: for a new one, and for one that is there."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, Response, request

from webapp.agents import services as agents
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_WRITE
from webapp.core.errors import Invalid, NotFound, PreconditionFailed
from webapp.core.schemas import read
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to
from webapp.coverage.scopes import services
from webapp.coverage.scopes.forms import FromTaxonomyForm, ScopeForm
from webapp.coverage.scopes.schemas import MAX_ROOTS, FromTaxonomyRequest, ScopeRequest
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.browsing import list_tree, name_topics, short_id
from webapp.taxonomies.forms import Reference, draw_picker, read_topics
from webapp.taxonomies.permissions import KNOWLEDGE_READ

B = TypeVar("B", FromTaxonomyRequest, ScopeRequest)

bp = Blueprint("scopes", __name__)


@bp.get("/agents/from-taxonomy/new")
@requires(AGENTS_WRITE)
def new() -> Response:
    return _new_page(FromTaxonomyForm(formdata=None))


@bp.post("/agents/from-taxonomy/new")
@requires(AGENTS_WRITE)
def create() -> Response:
    form = FromTaxonomyForm()
    if form.validate():
        with form.refusing():
            values = {
                "name": form.name.data,
                "scope_description": form.scope_description.data or None,
            }
            body = _read(FromTaxonomyRequest, values | _instructions(form) | _chosen())
            agent = services.create_agent(body, actor=current_actor())
            message = f"{agent.name} is ready."
            return redirect_to("coverage.show", handle=agent.handle, message=message)
    return _new_page(form, status=422)


@bp.get("/agents/<handle>/scope")
@requires(AGENTS_WRITE)
def edit(handle: str) -> Response:
    agent = agents.get_agent(handle, actor=current_actor())
    form = ScopeForm(formdata=None, data={"base": str(agent.scope_revision)})
    return _edit_page(agent, form)


@bp.post("/agents/<handle>/scope")
@requires(AGENTS_WRITE)
def update(handle: str) -> Response:
    actor = current_actor()
    form = ScopeForm()
    if form.validate():
        with form.refusing():
            body = _read(ScopeRequest, _chosen())
            agent = _save(handle, body, form)
            return redirect_to(
                "coverage.show", handle=agent.handle, message="The scope is changed."
            )
    return _edit_page(agents.get_agent(handle, actor=actor), form, status=422)


@bp.post("/knowledge/extent")
@requires(KNOWLEDGE_READ)
def extent() -> Response:
    """What the ticked topics come to, while they are being ticked."""
    return page("coverage/scopes/_extent.html", **_extent(_read(ScopeRequest, _chosen())))


def _save(handle: str, body: ScopeRequest, form: ScopeForm) -> Agent:
    """Save what was ticked; who is refused for another's choice may save again, knowing of it."""
    actor = current_actor()
    try:
        return services.set_scope(handle, body, actor=actor, base=form.base_revision)
    except PreconditionFailed as error:
        form.base.data = str(agents.get_agent(handle, actor=actor).scope_revision)
        error.message += " Save again to replace theirs with what is ticked here."
        raise


def _new_page(form: FromTaxonomyForm, *, status: int = 200) -> Response:
    return page(
        "coverage/scopes/new.html", status=status, form=form, **_picker(None, _ticked(None))
    )


def _edit_page(agent: Agent, form: ScopeForm, *, status: int = 200) -> Response:
    picker = _picker(agent.taxonomy_version, _ticked(agent))
    return page("coverage/scopes/edit.html", status=status, agent=agent, form=form, **picker)


def _picker(version: str | None, ticked: list[Reference]) -> dict[str, Any]:
    """The tree of the chosen version, of the agent's, or of the highest one."""
    actor = current_actor()
    names = [taxonomy.version for taxonomy in taxonomies.list_taxonomies(actor=actor)]
    name = request.values.get("version") or version
    if name and name not in names and request.values.get("version"):
        raise NotFound(f"Taxonomy not found: {name}")
    chosen = name if name in names else next(iter(names), None)
    if chosen is None:
        return {"versions": names, "version": None}
    ids = [item for item in ticked if isinstance(item, UUID)]
    known = [topic for topic in name_topics(ids, actor=actor) if topic.version == chosen]
    body = ScopeRequest(
        taxonomy_node_ids=[topic.node_id for topic in known[:MAX_ROOTS]], taxonomy_version=chosen
    )
    typed = [item for item in ticked if not isinstance(item, UUID)]
    return {
        "versions": names,
        "version": chosen,
        "taxonomy": taxonomies.get_taxonomy(chosen, actor=actor),
        "level": list_tree(chosen, actor=actor),
        "picks": True,
        "picker": draw_picker(
            "node",
            [*body.taxonomy_node_ids, *typed],
            version=chosen,
            label="Topics",
        ),
        "ticked": {topic.node_id for topic in known},
        "included": {short_id(topic.node_id) for topic in known},
        "chosen_below": Counter(above for topic in known for above in topic.above),
    } | _extent(body)


def _extent(body: ScopeRequest) -> dict[str, Any]:
    """What is ticked comes to; where nothing is, every document, of which the number is told."""
    actor = current_actor()
    if not body.taxonomy_node_ids:
        return {"extent": None, "document_count": services.count_all(actor=actor)}
    return {"extent": services.measure_topics(body, actor=actor)}


def _ticked(agent: Agent | None) -> list[Reference]:
    if request.method == "POST" or "node" in request.args:
        return read_topics(request.values.getlist("node"))
    return list(agent.taxonomy_node_ids) if agent else []


def _chosen() -> dict[str, Any]:
    """What was ticked, and what was typed where there are no scripts."""
    version = request.values.get("version")
    references = read_topics(request.values.getlist("node"))
    typed = [item for item in references if isinstance(item, list)]
    ids = [str(item) for item in references if isinstance(item, UUID)]
    if typed and version:
        ids += map(str, taxonomies.find_paths(version, typed, actor=current_actor()))
    return {"taxonomy_node_ids": ids} | ({"taxonomy_version": version} if version else {})


def _instructions(form: FromTaxonomyForm) -> dict[str, str]:
    """Given where something is typed; what is given must not be blank."""
    text = (form.instructions.data or "").replace("\r\n", "\n")
    return {"instructions": text} if text.strip() else {}


def _read(schema: type[B], values: dict[str, Any]) -> B:
    """What a form says, in the words of its page where topics were ticked."""
    try:
        return read(schema, values)
    except Invalid as error:
        first = error.errors[0]
        if first["field"] == "taxonomy_node_ids":
            is_few = first["code"] == "too_short"
            sentence = "Tick at least one topic." if is_few else f"Tick at most {MAX_ROOTS} topics."
            raise Invalid(sentence, code=first["code"]) from error
        if first["field"].startswith("taxonomy_node_ids"):
            raise Invalid("What was ticked is no topic.", code=first["code"]) from error
        raise Invalid(first["message"], field=first["field"], code=first["code"]) from error
