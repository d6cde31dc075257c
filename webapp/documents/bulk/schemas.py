"""What a bulk request says: which documents, and what becomes of them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator

from webapp.core.schemas import RequestModel, ResponseModel
from webapp.documents.schemas import DocumentFilter
from webapp.taxonomies.schemas import NodeReferences, Version

Action = Literal["delete", "set_topics", "add_topics"]


class StrictFilter(DocumentFilter):
    """The list's filters; a misspelt one would otherwise select every document."""

    model_config = {"extra": "forbid"}


class BulkRequest(RequestModel):
    """Documents by id, or all that the list's filters find."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"action": "add_topics", "filter": {"q": "tea"}, "nodes": [["Drinks", "Tea"]]}
            ]
        }
    }

    action: Action
    ids: list[UUID] | None = Field(None, min_length=1, max_length=1000)
    filter: StrictFilter | None = Field(None, description="{} stands for all documents")
    nodes: NodeReferences = Field([], description="For the topics' actions")
    version: Version | None = Field(None, description="Of the taxonomy; else the highest one")
    confidence: float = Field(1.0, ge=0, le=1, description="A node counts it from 0.7 on")

    @model_validator(mode="after")
    def _says_which(self) -> BulkRequest:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or filter")
        if self.action == "delete" and self.nodes:
            raise ValueError("nodes: a deletion has none")
        if self.action == "add_topics" and not self.nodes:
            raise ValueError("nodes: say which topics to add")
        return self


class BulkPreview(ResponseModel):
    """How many documents it is about, with the newest of them."""

    document_count: int
    titles: list[str]
