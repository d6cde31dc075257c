"""The taxonomies' pages: versions, a tree with its search, import, and two versions compared."""

from __future__ import annotations

import csv

from flask import Blueprint, Response, request
from pydantic import ValidationError

from webapp.core.actor import Role
from webapp.core.errors import DomainError, Invalid, validation_errors
from webapp.core.security import accepts_upload, current_actor, requires
from webapp.core.web import page, to, whole_number
from webapp.knowledge.taxonomies import editing, services
from webapp.knowledge.taxonomies.forms import TaxonomyForm
from webapp.knowledge.taxonomies.schemas import NodeQuery

bp = Blueprint("taxonomies", __name__, url_prefix="/taxonomies")


@bp.get("")
@requires(Role.VIEWER)
def index() -> Response:
    taxonomies = services.list_taxonomies(actor=current_actor())
    return page("knowledge/taxonomies/index.html", taxonomies=taxonomies)


@bp.get("/new")
@requires(Role.ADMIN)
def new() -> Response:
    form = TaxonomyForm()
    form.version.data = request.args.get("version", form.version.data)
    return page("knowledge/taxonomies/new.html", form=form)


@bp.post("")
@accepts_upload
@requires(Role.ADMIN)
def grow() -> Response:
    form = TaxonomyForm()
    if form.validate():
        try:
            grown = services.grow_taxonomy(form.to_body(), actor=current_actor())
        except csv.Error as error:
            form.reject(Invalid(f"This is not CSV: {error}.", field="content"))
        except DomainError as error:
            form.reject(error)
        except ValidationError as error:
            for item in validation_errors(error)[:5]:
                name = "version" if item["field"] == "version" else "content"
                form.reject(Invalid(f"{item['field']}: {item['message']}.", field=name))
        else:
            count = grown.created_count
            message = f"{count} node{'' if count == 1 else 's'} added to {grown.version}."
            return to("taxonomies.show", version=grown.version, message=message)
    return page("knowledge/taxonomies/new.html", status=422, form=form)


@bp.get("/<version>")
@requires(Role.VIEWER)
def show(version: str) -> Response:
    """The tree, or the nodes that a search finds."""
    actor = current_actor()
    q = request.args.get("q", "").strip()[:255]
    offset = whole_number("offset", 0, 0, 10**9)
    return page(
        "knowledge/taxonomies/show.html",
        fragment="knowledge/taxonomies/_nodes.html",
        taxonomy=services.get_taxonomy(version, actor=actor),
        others=services.list_taxonomies(actor=actor),
        q=q,
        found=services.list_nodes(version, NodeQuery(q=q, offset=offset), actor=actor)
        if q
        else None,
        tree=None if q else services.get_tree(version, actor=actor),
    )


@bp.get("/<version>/compare")
@requires(Role.VIEWER)
def compare(version: str) -> Response:
    actor = current_actor()
    services.get_taxonomy(version, actor=actor)
    comparison = services.compare_taxonomies(
        request.args.get("from", version), version, actor=actor
    )
    return page("knowledge/taxonomies/compare.html", comparison=comparison)


@bp.post("/<version>/deletion")
@requires(Role.ADMIN)
def destroy(version: str) -> Response:
    editing.delete_taxonomy(version, actor=current_actor())
    return to("taxonomies.index", message=f"Taxonomy {version} is deleted.")
