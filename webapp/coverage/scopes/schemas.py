"""What a scope looks like from outside."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from webapp.agents.models import DEFAULT_RETRIEVAL
from webapp.agents.schemas import MAX_INSTRUCTIONS, AgentUpdate, Name
from webapp.core.schemas import RequestModel, ResponseModel
from webapp.taxonomies.schemas import Version

#: topics chosen one by one; each brings all that is below it
MAX_ROOTS = 500


def _unique(ids: list[UUID]) -> list[UUID]:
    return list(dict.fromkeys(ids))


NodeIds = Annotated[list[UUID], AfterValidator(_unique)]


class ScopeRequest(RequestModel):
    """The topics an agent knows about, with all below them; none means all documents."""

    taxonomy_node_ids: NodeIds = Field(max_length=MAX_ROOTS)
    taxonomy_version: Version = "1.0.0"


class FromTaxonomyRequest(AgentUpdate):
    """A new agent made from topics; it may have any field of a definition.

    See docs/contract/knowledge.md, from-taxonomy.
    """

    name: Name
    taxonomy_node_ids: NodeIds = Field(min_length=1, max_length=MAX_ROOTS)
    taxonomy_version: Version = "1.0.0"
    handle: str | None = None
    instructions: str = Field("", max_length=MAX_INSTRUCTIONS)
    retrieval_config: dict[str, Any] = Field(default_factory=lambda: dict(DEFAULT_RETRIEVAL))


class ScopeResponse(ResponseModel):
    """What a set of topics comes to."""

    taxonomy_version: str | None
    node_count: int = Field(description="With all topics below")
    document_count: int
    chunk_count: int
