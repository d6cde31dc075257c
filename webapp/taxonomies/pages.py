"""The taxonomies' pages: versions, a tree with its search, import, and two versions compared."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request
from markupsafe import Markup

from webapp.core.counts import counted, local
from webapp.core.lists import MAX_OFFSET, Paging
from webapp.core.security import FORMS, accepts_upload, current_actor, requires
from webapp.core.web import page, redirect_to, whole_number
from webapp.taxonomies import browsing, copying, editing, services
from webapp.taxonomies.forms import NodeForm, Reference, TaxonomyForm
from webapp.taxonomies.models import Taxonomy
from webapp.taxonomies.permissions import KNOWLEDGE_READ, KNOWLEDGE_WRITE
from webapp.taxonomies.schemas import NodeChanges, NodeQuery

bp = Blueprint("taxonomies", __name__, url_prefix="/taxonomies")

#: paths that were added, and as many that were removed, on the page of a comparison
COMPARED = 500


@bp.get("")
@requires(KNOWLEDGE_READ)
def index() -> Response:
    taxonomies = services.list_taxonomies(actor=current_actor())
    return page("taxonomies/index.html", taxonomies=taxonomies)


@bp.get("/new")
@requires(KNOWLEDGE_WRITE)
def new() -> Response:
    """An empty form; one to add below the path `under`, or with all topics of the version `from`.

    What is too long for its text box is left to a file.
    """
    form, actor = TaxonomyForm(), current_actor()
    form.version.data = request.args.get("version") or services.next_version(actor=actor)
    if request.args.get("under"):
        form.content.data = f"{request.args['under']} > "
    start = request.args.get("from")
    copied = services.get_taxonomy(start, actor=actor) if start else None
    if copied is not None and copied.node_count <= copying.MAX_TOPICS:
        draft = copying.write_draft(copied.version, actor=actor)
        form.content.data = draft if len(draft) <= copying.MAX_CHARACTERS else None
    return _new_page(form, copied=copied)


@bp.post("")
@accepts_upload(*FORMS)
@requires(KNOWLEDGE_WRITE)
def extend() -> Response:
    form = TaxonomyForm()
    if form.validate():
        with form.refusing(form.source):
            body, header = form.to_body()
            extension = services.extend_taxonomy(body, actor=current_actor())
            levels = max((len(node.canonical_path) for node in extension.nodes), default=0)
            added = counted(extension.created_count, "topic")
            if extension.created_count:
                added = f"{added} at {counted(levels, 'level')}"
            message = local(added) + f" added to {extension.version}."
            if header:
                message += f" “{header[:200]}” names the levels and is no topic."
            message = Markup(" ").join([message, *extension.warnings[:3]])
            return redirect_to("taxonomies.show", version=extension.version, message=message)
    return _new_page(form, copied=_copied(request.form.get("from")), status=422)


@bp.get("/<version>/file")
@requires(KNOWLEDGE_READ)
def download(version: str) -> Response:
    """All topics, as the form for a new version takes them."""
    draft = copying.write_draft(version, actor=current_actor())
    kind, ending = ("application/json", "json") if draft.startswith("{") else ("text/plain", "txt")
    response = Response(draft, mimetype=kind)
    name = f"taxonomy-{version}.{ending}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@bp.get("/topics")
@requires(KNOWLEDGE_READ)
def find() -> Response:
    """What a topic picker offers for the letters in it; `version`, else the highest."""
    topics = browsing.find_topics(
        request.args.get("q", "")[:255], request.args.get("version"), actor=current_actor()
    )
    return page("taxonomies/_options.html", topics=topics)


@bp.get("/<version>")
@requires(KNOWLEDGE_READ)
def show(version: str) -> Response:
    """The tree, one branch of it, or the nodes that a search finds.

    Trees ask for the branch with the id `under` when it is opened, and `picks` for boxes to tick.
    """
    actor = current_actor()
    q = request.args.get("q", "").strip()[:255]
    under = request.args.get("under", type=UUID)
    offset = whole_number("offset", 0, 0, MAX_OFFSET)
    taxonomy = services.get_taxonomy(version, actor=actor)
    branch = services.get_node_of(taxonomy, under, actor=actor) if under else None
    is_branch = under is not None or "picks" in request.args or (offset and not q)
    found, level = None, None
    if q:
        found = services.list_nodes(version, NodeQuery(q=q, offset=offset), actor=actor)
    elif is_branch:
        paging = Paging(browsing.BRANCH_TOPICS, offset)
        level = browsing.list_branch(version, under, paging, actor=actor)
    else:
        level = browsing.list_tree(version, actor=actor)
    return page(
        "taxonomies/show.html",
        fragment="taxonomies/_branch.html" if is_branch else "taxonomies/_nodes.html",
        taxonomy=taxonomy,
        others=services.list_taxonomies(actor=actor),
        q=q,
        found=found,
        level=level,
        under=branch,
        picks="picks" in request.args,
    )


@bp.get("/<version>/compare")
@requires(KNOWLEDGE_READ)
def compare(version: str) -> Response:
    actor = current_actor()
    services.get_taxonomy(version, actor=actor)
    start = request.args.get("from") or services.version_before(version, actor=actor)
    comparison = services.compare_taxonomies(start, version, actor=actor, limit=COMPARED)
    return page("taxonomies/compare.html", comparison=comparison)


@bp.get("/<version>/nodes/<uuid:node_id>")
@requires(KNOWLEDGE_WRITE)
def edit_node(version: str, node_id: UUID) -> Response:
    return _node_page(version, node_id, NodeForm(formdata=None))


@bp.post("/<version>/nodes/<uuid:node_id>")
@requires(KNOWLEDGE_WRITE)
def update_node(version: str, node_id: UUID) -> Response:
    actor, form = current_actor(), NodeForm()
    if form.validate():
        with form.refusing("parents"):
            given: dict[str, Any] = {
                "label": form.label.data,
                "target_documents": form.target_documents.data,
            }
            above = services.parent_ids(services.get_node(node_id, actor=actor))
            ids = _parents(version, form.parents.data, above)
            if set(ids) != set(above):
                given["parent_ids"] = ids
            changes = NodeChanges.model_validate(given)
            node = editing.update_node(version, node_id, changes, actor=actor)
            return redirect_to(
                "taxonomies.show", version=version, message=f"{node.label} is saved."
            )
    return _node_page(version, node_id, form, status=422)


@bp.post("/<version>/nodes/<uuid:node_id>/deletion")
@requires(KNOWLEDGE_WRITE)
def destroy_node(version: str, node_id: UUID) -> Response:
    editing.delete_node(version, node_id, actor=current_actor())
    return redirect_to("taxonomies.show", version=version, message="The topic is deleted.")


def _copied(version: str | None) -> Taxonomy | None:
    """The version that a refused form has begun with, while it is there."""
    known = services.list_taxonomies(actor=current_actor()) if version else []
    return next((taxonomy for taxonomy in known if taxonomy.version == version), None)


def _new_page(form: TaxonomyForm, *, copied: Taxonomy | None = None, status: int = 200) -> Response:
    if copied is not None:
        form.content.render_kw = {**form.content.render_kw, "rows": 24}
    if form.is_json:
        form.content.label.text = "Or JSON"
        form.content.description = "With all topics; lines of paths cannot stand beside it."
    return page(
        "taxonomies/new.html",
        status=status,
        form=form,
        copied=copied,
        others=services.list_taxonomies(actor=current_actor()),
    )


def _parents(version: str, chosen: list[Reference], above: list[UUID]) -> list[UUID]:
    """The topics that are meant to be above one, by ids; of namesakes, the one that is already."""
    actor = current_actor()
    present = {
        tuple(topic.path): topic.node_id for topic in browsing.name_topics(above, actor=actor)
    }
    ids = [present.get(tuple(item), item) if isinstance(item, list) else item for item in chosen]
    typed = [item for item in ids if isinstance(item, list)]
    found = services.find_paths(version, typed, actor=actor) if typed else []
    return [item for item in ids if isinstance(item, UUID)] + found


def _node_page(version: str, node_id: UUID, form: NodeForm, *, status: int = 200) -> Response:
    actor = current_actor()
    taxonomy = services.get_taxonomy(version, actor=actor)
    node = services.get_node_of(taxonomy, node_id, actor=actor)
    if not form.is_submitted():
        form.label.data, form.target_documents.data = node.label, node.target_documents
        form.parents.data = list(services.parent_ids(node))
    form.parents.version = version
    return page("taxonomies/node.html", status=status, version=version, node=node, form=form)


@bp.post("/<version>/deletion")
@requires(KNOWLEDGE_WRITE)
def destroy(version: str) -> Response:
    editing.delete_taxonomy(version, actor=current_actor())
    return redirect_to("taxonomies.index", message=f"Taxonomy {version} is deleted.")
