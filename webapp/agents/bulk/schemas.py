"""What a bulk request says: which agents, and what to change in them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from webapp.agents.schemas import AgentFilter, AgentPatch, AgentUpdate, Word
from webapp.core.schemas import Moment, RequestModel, ResponseModel


class StrictFilter(AgentFilter):
    """The list's filters; a misspelt one would otherwise select every agent."""

    model_config = {"extra": "forbid"}


class BulkSelection(RequestModel):
    """Agents by UUID or handle, or all that the list's filters find."""

    model_config = {"json_schema_extra": {"examples": [{"ids": ["coding-expert"]}]}}

    ids: list[Word] | None = Field(None, max_length=1000)
    filter: StrictFilter | None = None

    @model_validator(mode="after")
    def _says_which(self) -> BulkSelection:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or filter")
        if self.ids is not None:
            self.ids = list(dict.fromkeys(self.ids))
        return self


class BulkChanges(AgentUpdate):
    """Fields of the definition, and `paused`; only those given change."""

    paused: bool | None = None

    @property
    def update(self) -> AgentUpdate:
        given = self.model_dump(exclude_unset=True, exclude={"paused"})
        return AgentUpdate(**given)

    @property
    def pause(self) -> AgentPatch:
        return AgentPatch(paused=bool(self.paused))


class BulkUpdate(BulkSelection):
    """Which agents, and what changes in each of them."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"filter": {"tool": "search"}, "changes": {"paused": True}}]
        }
    }

    changes: BulkChanges

    @model_validator(mode="after")
    def _says_what(self) -> BulkUpdate:
        if not self.changes.model_fields_set - {"version_note"}:
            raise ValueError("changes: give at least one field")
        return self

    @property
    def selection(self) -> BulkSelection:
        return BulkSelection(ids=self.ids, filter=self.filter)


class Restoration(RequestModel):
    """Agents that were deleted together, by the moment of that."""

    deleted_at: Moment


class BulkResultResponse(ResponseModel):
    id: str
    status: int = Field(description="What a request for this agent alone would have answered")
    changed: list[str] = []
    problem: dict[str, Any] | None = None


class BulkResponse(ResponseModel):
    results: list[BulkResultResponse]
    matched: int
