"""What a search may find: documents about topics, and with a kind or metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from webapp import index
from webapp.core.errors import Invalid
from webapp.core.extensions import db
from webapp.documents.models import Chunk, Document
from webapp.documents.schemas import Filters
from webapp.documents.topics.counts import documents_under


def select_documents(
    node_ids: Sequence[UUID] | None, filters: Filters | None
) -> index.Filter | None:
    """The documents about any of these topics that also meet the filters; None means all.

    No topics (an empty list) have no documents.

    Raises Invalid where a filter's value is of a kind that metadata cannot be compared with.
    """
    conditions = _conditions(filters) if filters else []
    if node_ids is None and not conditions:
        return None
    chosen: Select[Any] = select(Document.id)
    if node_ids is not None:
        chosen = documents_under(node_ids)
    if conditions and node_ids is not None:
        chosen = select(Document.id).where(Document.id.in_(chosen), *conditions)
    elif conditions:
        chosen = chosen.where(*conditions)
    about = None if node_ids is None else sorted(str(node_id) for node_id in node_ids)
    named = [about, filters.model_dump(mode="json") if filters else None]
    key = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()
    return index.Filter(key, lambda after: _select_chunks(chosen, after))


def _select_chunks(documents: Select[Any], after: int) -> Select[Any]:
    """Passages of these documents: all of them, or of the few that have come since, each looked up.

    The limit keeps SQLite from looking through all documents of the scope for those few.
    """
    if not after:
        return select(Chunk.id).where(Chunk.document_id.in_(documents))
    new = select(Chunk.id, Chunk.document_id).where(Chunk.id > after).limit(2**31).subquery()
    is_one = documents.selected_columns[0] == new.c.document_id
    return select(new.c.id).where(documents.where(is_one).correlate(new).exists())


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.content_type:
        conditions.append(Document.content_type == filters.content_type)
    if filters.external_id_prefix:
        conditions.append(
            Document.external_id.startswith(filters.external_id_prefix, autoescape=True)
        )
    for name, value in filters.metadata.items():
        conditions.append(_equals(name, value))
    return conditions


def _equals(name: str, value: Any) -> ColumnElement[bool]:
    """A top-level value of the metadata is `value`, of the same kind."""
    kinds: tuple[str, ...]
    if isinstance(value, bool):
        kinds = ("true" if value else "false",)
    elif isinstance(value, int | float):
        kinds = ("integer", "real")
    elif isinstance(value, str):
        kinds = ("text",)
    else:
        raise Invalid(
            f"metadata.{name} must be a text, a number, true or false.",
            field=f"filters.metadata.{name}",
        )
    column: Any = Document.document_metadata
    if db.engine.dialect.name == "postgresql":
        contains: ColumnElement[bool] = type_coerce(column, JSONB).contains({name: value})
        return contains
    each = func.json_each(column).table_valued("key", "value", "type")
    return (
        select(literal(1))
        .select_from(each)
        .where(each.c.key == name, each.c.type.in_(kinds), each.c.value == value)
        .exists()
    )
