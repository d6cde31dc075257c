"""What a scope looks like from outside."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from webapp.agents.models import DEFAULT_RETRIEVAL
from webapp.agents.schemas import MAX_INSTRUCTIONS, AgentUpdate, Name
from webapp.core.api import Answer, Body
from webapp.knowledge.taxonomies.graph import MAX_DEPTH
from webapp.knowledge.taxonomies.schemas import Label, Version

#: topics chosen one by one; each brings all that is below it
MAX_ROOTS = 500
MAX_RENAMES = 1_000


def _unique(ids: list[UUID]) -> list[UUID]:
    return list(dict.fromkeys(ids))


NodeIds = Annotated[list[UUID], AfterValidator(_unique)]


class ScopeBody(Body):
    """The topics an agent knows about, with all below them; none means all documents."""

    taxonomy_node_ids: NodeIds = Field(max_length=MAX_ROOTS)
    taxonomy_version: Version = "1.0.0"


class FromTaxonomyBody(AgentUpdate):
    """A new agent made from topics (spec 1, phase 1); it may have any field of a definition."""

    name: Name
    taxonomy_node_ids: NodeIds = Field(min_length=1, max_length=MAX_ROOTS)
    taxonomy_version: Version = "1.0.0"
    handle: str | None = None
    instructions: str = Field("", max_length=MAX_INSTRUCTIONS)
    retrieval_config: dict[str, Any] = Field(default_factory=lambda: dict(DEFAULT_RETRIEVAL))


class Rename(Body):
    """What a topic becomes in the new version; None: nothing."""

    start: list[Label] = Field(min_length=1, max_length=MAX_DEPTH, examples=[["Physics", "Heat"]])
    end: list[Label] | None = Field(
        min_length=1, max_length=MAX_DEPTH, examples=[["Thermodynamics"]]
    )


class MoveBody(Body):
    """From which version to move, and which agents; None: all that have topics of it."""

    start: Version
    renames: list[Rename] = Field(default=[], max_length=MAX_RENAMES)
    agent_ids: list[UUID] | None = Field(None, max_length=MAX_RENAMES)


class SuccessorAnswer(Answer):
    """A topic that does not simply keep its path."""

    node_id: UUID
    path: list[str]
    document_count: int = Field(description="About this topic itself")
    new_path: list[str] | None = Field(description="None: it has no successor")
    reason: Literal["path", "label", "request"] | None


class AgentMoveAnswer(Answer):
    agent_id: UUID
    name: str
    kept_count: int = Field(description="Topics that have a successor")
    lost: list[list[str]]
    moves: bool = Field(description="False where no topic is left: it stays in its version")


class MovePreview(Answer):
    """What a move would do; the first 200 of its agents."""

    start: str
    end: str
    kept_count: int
    changed: list[SuccessorAnswer]
    document_count: int
    agent_count: int
    agents: list[AgentMoveAnswer]


class ScopeAnswer(Answer):
    """What a set of topics comes to."""

    taxonomy_version: str | None
    node_count: int = Field(description="With all topics below")
    document_count: int
    chunk_count: int
