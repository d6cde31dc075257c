"""Change and delete what a taxonomy has: single topics, and whole versions."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select

from webapp import index
from webapp.audit import services as audit
from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked, lock_name
from webapp.core.errors import BadReference, Conflict, DomainError, NotFound
from webapp.core.extensions import db
from webapp.taxonomies import signals
from webapp.taxonomies.draft import Draft
from webapp.taxonomies.models import Scope, ScopeRoot, Taxonomy
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.schemas import NodeChanges
from webapp.taxonomies.services import Node, get_taxonomy, node_of

#: agents that a refusal names
MAX_NAMED = 20
#: what the audit calls what may be changed of a topic
FIELDS = {"label": "name", "parent_ids": "parent topics", "target_documents": "documents wanted"}


def update_node(version: str, node_id: UUID, changes: NodeChanges, *, actor: Actor) -> Node:
    """Rename a topic, give it a target, or hang it elsewhere; its id and documents stay.

    Raises BadReference where it would become a part of itself, or of a topic that is not there.
    """
    draft = _begin(version, node_id, actor=actor)
    row, given = draft.nodes[node_id], changes.model_fields_set
    former, changed = row.label, []
    if "label" in given and changes.label and changes.label != former:
        row.label = changes.label
        changed.append("label")
    if "target_documents" in given and changes.target_documents != row.target_documents:
        draft.set_target(row, changes.target_documents)
        changed.append("target_documents")
    if "parent_ids" in given:
        missing = [str(parent) for parent in changes.parent_ids if parent not in draft.nodes]
        if missing:
            db.session.rollback()
            raise BadReference(
                f"Invalid taxonomy node IDs: {', '.join(missing)}",
                page_message=f"No topic of this taxonomy: {', '.join(missing)}.",
                code="unknown_nodes",
                field="parent_ids",
                extras={"invalid": missing},
            )
        if draft.parents[node_id] != set(changes.parent_ids):
            draft.parents[node_id] = set(changes.parent_ids)
            changed.append("parent_ids")
    if not changed:
        db.session.rollback()
        return node_of(draft, node_id)
    _store(draft)
    renamed = {"former": former} if "label" in changed else {}
    detail = {"topic": row.label, "fields": sorted(changed), **renamed}
    audit.record(actor, "update", draft.taxonomy, **detail)
    db.session.commit()
    return node_of(draft, node_id)


def delete_node(version: str, node_id: UUID, *, actor: Actor, force: bool = False) -> None:
    """Take a topic out; those below it move up, its documents are no longer about it.

    Raises Conflict where an agent's scope names it, unless `force`: the agent then keeps the id
    among its topics and knows about the others.
    """
    draft = _begin(version, node_id, actor=actor)
    row = draft.nodes[node_id]
    uses = select(ScopeRoot.scope_id).where(ScopeRoot.node_id == row.id)
    if not force:
        agents = _agents_of(uses)
        _refuse_use(f"{row.label} is a topic of", agents, "Take it out of their scopes first")
    draft.remove(node_id)
    _store(draft)
    audit.record(actor, "update", draft.taxonomy, removed=row.label)
    db.session.commit()


def delete_taxonomy(version: str, *, actor: Actor, force: bool = False) -> None:
    """Remove a version with its topics; documents stay, and are no longer about them.

    Raises Conflict where agents use it, unless `force`: they then know about nothing.
    """
    actor.require(KNOWLEDGE_WRITE)
    lock_name(f"taxonomies of {actor.organization_id}")
    index.lock(actor.organization_id)
    taxonomy = get_locked(
        select(Taxonomy).where(
            Taxonomy.organization_id == actor.organization_id, Taxonomy.version == version
        )
    )
    if taxonomy is None:
        raise NotFound(f"Taxonomy not found: {version}")
    if not force:
        uses = select(Scope.id).where(Scope.taxonomy_id == taxonomy.id)
        agents = _agents_of(uses)
        _refuse_use(f"Taxonomy {version} is used by", agents, "Move them to another version first")
    audit.record(actor, "delete", taxonomy, nodes=taxonomy.node_count)
    db.session.flush()
    db.session.execute(delete(Taxonomy).where(Taxonomy.id == taxonomy.id))
    index.move_scopes(actor.organization_id)
    db.session.commit()


def describe_edit(entry: AuditEntry) -> str:
    """Which topic of a taxonomy was changed, and what of it."""
    if entry.subject_type != "taxonomy" or entry.action != "update":
        return ""
    if "removed" in entry.detail:
        return f"({entry.detail['removed']}: deleted)"
    if "topic" not in entry.detail:
        return ""
    former = entry.detail.get("former")
    words = FIELDS | ({"label": f"renamed from {former}"} if former else {})
    changed = [words.get(name, name) for name in entry.detail.get("fields", ())]
    return f"({entry.detail['topic']}: {', '.join(changed)})"


def _begin(version: str, node_id: UUID, *, actor: Actor) -> Draft:
    actor.require(KNOWLEDGE_WRITE)
    lock_name(f"taxonomies of {actor.organization_id}")
    index.lock(actor.organization_id)
    draft = Draft(get_taxonomy(version, actor=actor))
    if node_id not in draft.nodes:
        db.session.rollback()
        raise NotFound(f"Topic not found: {node_id}")
    return draft


def _store(draft: Draft) -> None:
    try:
        draft.store()
    except DomainError:
        db.session.rollback()
        raise


def _agents_of(scope_ids: object) -> Sequence[str]:
    """Handles of the first agents with one of these scopes."""
    answers = signals.scopes_used.send(scope_ids=scope_ids, limit=MAX_NAMED)
    return [handle for handles in answers for handle in handles][:MAX_NAMED]


def _refuse_use(what: str, handles: Sequence[str], suggestion: str) -> None:
    if not handles:
        return
    db.session.rollback()
    more = " and others" if len(handles) == MAX_NAMED else ""
    raise Conflict(
        f"{what} {', '.join(handles)}{more}.",
        code="in_use",
        suggestions=[f"{suggestion}."],
        api_suggestions=["Or send force=true."],
        extras={"agents": list(handles)},
    )
