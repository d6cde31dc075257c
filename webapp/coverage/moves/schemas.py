"""What a move to another version of the taxonomy looks like from outside."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from webapp.core.schemas import RequestModel, ResponseModel
from webapp.taxonomies.graph import MAX_DEPTH
from webapp.taxonomies.schemas import Label, Version

MAX_RENAMES = 1_000


class Rename(RequestModel):
    """What a topic becomes in the new version; None: nothing."""

    start: list[Label] = Field(min_length=1, max_length=MAX_DEPTH, examples=[["Physics", "Heat"]])
    end: list[Label] | None = Field(
        min_length=1, max_length=MAX_DEPTH, examples=[["Thermodynamics"]]
    )


class MoveRequest(RequestModel):
    """From which version to move, and which agents; None: all that have topics of it."""

    start: Version
    renames: list[Rename] = Field(default=[], max_length=MAX_RENAMES)
    agent_ids: list[UUID] | None = Field(None, max_length=MAX_RENAMES)


class SuccessorResponse(ResponseModel):
    """A topic that does not simply keep its path."""

    node_id: UUID
    path: list[str]
    document_count: int = Field(description="About this topic itself")
    new_path: list[str] | None = Field(description="None: it has no successor")
    reason: Literal["path", "label", "request"] | None


class AgentMoveResponse(ResponseModel):
    agent_id: UUID
    name: str
    kept_count: int = Field(description="Topics that have a successor")
    lost: list[list[str]]
    moves: bool = Field(description="False where no topic is left: it stays in its version")


class MovePreview(ResponseModel):
    """What a move would do; the first 200 of its agents."""

    start: str
    end: str
    kept_count: int
    changed: list[SuccessorResponse]
    document_count: int
    agent_count: int
    agents: list[AgentMoveResponse]
