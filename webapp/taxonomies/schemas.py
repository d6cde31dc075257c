"""What a taxonomy looks like from outside."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from webapp.core.lists import DEFAULT_LIMIT, Limit, Offset
from webapp.core.schemas import Query, RequestModel, ResponseModel, Shaped
from webapp.taxonomies.graph import MAX_DEPTH

MAX_NODES = 20_000
VERSION = r"^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$"

Label = Annotated[str, Field(min_length=1, max_length=255)]
Version = Annotated[
    str, Field(max_length=32, examples=["1.0.0"]), Shaped(VERSION, "three numbers, like 1.0.0")
]


def _not_blank(label: str) -> str:
    if not label.strip():
        raise ValueError("a label must not be blank")
    return label.strip()


class NodeRequest(RequestModel):
    """A node by its path, whose missing parents are made, or by an id of its own."""

    path: list[Label] | None = Field(
        None, min_length=1, max_length=MAX_DEPTH, examples=[["Physics", "Aerodynamics"]]
    )
    node_id: UUID | None = None
    label: Label | None = None
    target_documents: int | None = Field(None, ge=0, le=1_000_000)

    @field_validator("path")
    @classmethod
    def _labels(cls, value: list[str] | None) -> list[str] | None:
        return value and [_not_blank(label) for label in value]

    @field_validator("label")
    @classmethod
    def _label(cls, value: str | None) -> str | None:
        return value and _not_blank(value)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> NodeRequest:
        if (self.path is None) == (self.label is None):
            raise ValueError("give either path, or node_id and label")
        if self.label is not None and self.node_id is None:
            raise ValueError("a node with a label needs a node_id")
        return self


class NodeChanges(RequestModel):
    """What may change of a topic; only what is given does."""

    label: Label | None = Field(None, examples=["Aerodynamics"])
    target_documents: int | None = Field(None, ge=0, le=1_000_000)
    parent_ids: list[UUID] = Field([], max_length=100, description="None: at the top")

    @field_validator("label")
    @classmethod
    def _label(cls, value: str | None) -> str | None:
        if value is None:
            raise ValueError("a label must not be null")
        return _not_blank(value)


class EdgeRequest(RequestModel):
    parent: UUID
    child: UUID


class TaxonomyRequest(RequestModel):
    """A new version, or what an existing one grows by."""

    version: Version
    nodes: list[NodeRequest] = Field(max_length=MAX_NODES)
    edges: list[EdgeRequest] = Field(default=[], max_length=10 * MAX_NODES)

    @model_validator(mode="after")
    def _says_something(self) -> TaxonomyRequest:
        if not self.nodes and not self.edges:
            raise ValueError("give at least one node")
        return self


class NodeQuery(Query):
    q: str = Field("", max_length=255, description="Part of the path")
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


class DeletionQuery(Query):
    force: bool = Field(False, description="Also where agents use it")


class NodeResponse(ResponseModel):
    node_id: UUID
    label: str
    canonical_path: list[str]
    parent_ids: list[UUID]
    target_documents: int | None


class TaxonomyResponse(ResponseModel):
    version: str
    node_count: int
    created_at: datetime
    updated_at: datetime


class ExtensionResponse(ResponseModel):
    version: str
    nodes: list[NodeResponse] = Field(description="Those of the request, with the parents made")
    warnings: list[str] = Field(
        description="What is allowed and seldom meant: siblings of one name"
    )


class BranchResponse(ResponseModel):
    node_id: UUID
    label: str
    canonical_path: list[str]
    target_documents: int | None
    document_count: int = Field(description="About this topic itself")
    is_reference: bool = Field(
        description="The node hangs here too; its children stand at its canonical path"
    )
    children: list[BranchResponse]


class TreeResponse(ResponseModel):
    version: str
    roots: list[BranchResponse]


class ComparisonResponse(ResponseModel):
    start: str
    end: str
    added: list[list[str]]
    removed: list[list[str]]
    kept_count: int


def _path_of(value: Any) -> Any:
    """A path may be written as one string, "Physics > Aerodynamics"."""
    if isinstance(value, str) and ">" in value:
        return [part.strip() for part in value.split(">")]
    if isinstance(value, str) and not _ID.fullmatch(value):
        return [value]
    return value


_ID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


NodeReference = Annotated[
    UUID | Annotated[list[Label], Field(min_length=1, max_length=MAX_DEPTH)],
    BeforeValidator(_path_of),
]


NodeReferences = Annotated[
    list[NodeReference],
    Field(
        max_length=100,
        description="Topics, each by id or by its path from the top",
        examples=[[["Physics", "Aerodynamics"]]],
    ),
]
