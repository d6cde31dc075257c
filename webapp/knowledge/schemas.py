from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    field_validator,
)

from webapp.core.api import Answer, Body
from webapp.knowledge.taxonomies.graph import MAX_DEPTH
from webapp.knowledge.taxonomies.schemas import Label, Version

MAX_CONTENT = 5_000_000
CONTENT_TYPES = ("text/markdown", "text/plain", "text/html")

Strategy = Literal["hybrid", "keyword", "vector"]
QueryText = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]


def _is_link(value: str | None) -> str | None:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value or None


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


class _Topics(Body):
    """What a document is about."""

    nodes: NodeReferences = []
    version: Version | None = Field(None, description="Of the taxonomy; else the highest one")
    confidence: float = Field(1.0, ge=0, le=1, description="A node counts it from 0.7 on")


class DocumentBody(_Topics):
    """A document as JSON; also one line of an NDJSON import."""

    title: str = Field("", max_length=500, examples=["Rotating an API key"])
    content: str = Field(min_length=1, max_length=MAX_CONTENT, examples=["# Keys\n\nMake a new…"])
    content_type: Literal["text/markdown", "text/plain", "text/html"] = "text/markdown"
    source_url: str | None = Field(None, max_length=2000)
    external_id: str | None = Field(None, min_length=1, max_length=255)
    metadata: dict[str, Any] = Field(default_factory=dict)

    _is_link = field_validator("source_url")(_is_link)


class FileOptions(_Topics):
    """What is said of an uploaded file, beside itself."""

    title: str = Field("", max_length=500)
    external_id: str | None = Field(None, min_length=1, max_length=255)
    source_url: str | None = Field(None, max_length=2000)
    metadata: dict[str, Any] = Field(default_factory=dict)

    _is_link = field_validator("source_url")(_is_link)


class DocumentChanges(_Topics):
    """What may change of a document; only what is given does."""

    title: str = Field(default_factory=str, min_length=1, max_length=500)
    content: str = Field(default_factory=str, min_length=1, max_length=MAX_CONTENT)
    source_url: str | None = Field(None, max_length=2000)
    metadata: dict[str, Any] = Field(default_factory=dict)

    _is_link = field_validator("source_url")(_is_link)


class ProposalsBody(Body):
    """What becomes of the topics that were proposed for documents."""

    ids: list[UUID] = Field(min_length=1, max_length=1000)
    action: Literal["confirm", "reject"]


class TopicAnswer(Answer):
    node_id: UUID
    path: list[str]
    version: str
    confidence: float
    is_proposed: bool


class DocumentAnswer(Answer):
    id: UUID
    nodes: list[TopicAnswer] = Field(validation_alias=AliasChoices("links", "nodes"))
    title: str
    content_type: str
    source_url: str | None
    external_id: str | None
    metadata: dict[str, Any] = Field(validation_alias=AliasChoices("document_metadata", "metadata"))
    status: str
    error: str | None = Field(description="Why the file could not be read")
    file_size: int
    chunk_count: int
    created_at: datetime
    updated_at: datetime


class DocumentFilter(Body):
    """The list's filters."""

    q: str = Field("", max_length=255, description="Part of the title or external id")
    status: Literal["pending", "ready", "failed"] | None = None
    node: UUID | None = Field(None, description="About this topic or one below it")
    proposed: bool = Field(False, description="Only those with topics to confirm")


class DocumentQuery(DocumentFilter):
    model_config = {"extra": "ignore"}

    limit: int = Field(50, ge=1, le=100)
    offset: int = Field(0, ge=0, le=1_000_000_000)


class Filters(Body):
    """Which documents a search may find; all that are given must hold."""

    metadata: dict[str, Any] = Field(
        default_factory=dict,
        max_length=10,
        description="Top-level values of the documents' metadata",
        examples=[{"language": "en"}],
    )
    content_type: str | None = Field(None, max_length=100)
    external_id_prefix: str | None = Field(None, min_length=1, max_length=255)


class QueryBody(Body):
    """A question to an agent (spec 1, QueryRequest)."""

    query: QueryText = Field(examples=["How do I rotate an API key?"])
    top_k: StrictInt | None = Field(None, ge=1, le=50)
    streaming: StrictBool = False
    include_metadata: StrictBool = True
    filters: Filters | None = None


class SearchBody(Body):
    """A search over all documents of the organization."""

    query: QueryText
    top_k: StrictInt = Field(10, ge=1, le=50)
    strategy: Strategy = "hybrid"
    keyword_weight: float | None = Field(
        None, ge=0, le=1, description="Share of keywords in a hybrid score; else the embedder's"
    )
    explain: StrictBool = False
    nodes: NodeReferences = Field([], description="Only documents about these, or below them")
    version: Version | None = None
    filters: Filters | None = None


class ResultMetadata(Answer):
    title: str
    heading_path: list[str]
    position: int
    external_id: str | None
    source_url: str | None
    document_url: str
    bm25: float
    cosine: float
    confidence: float = Field(description="How well the passage answers by itself, 0 to 1")
    terms: dict[str, float] = Field(
        default_factory=dict, description="What each word's stem adds to bm25, with `explain`"
    )
    highlights: list[tuple[int, int]] = Field(
        description="Spans of the content, as characters [start, end), that match the query"
    )


class Result(Answer):
    doc_id: UUID
    chunk_id: int
    content: str
    score: float
    metadata: ResultMetadata | None = None


class SearchAnswer(Answer):
    query: str
    results: list[Result]
    total_results: int
    query_time_ms: float
    retrieval_strategy: Strategy
    notice: str | None = Field(None, description="Where it could not search as it was asked to")
    executed_at: datetime


class QueryAnswer(SearchAnswer):
    agent_id: UUID


class TaskStarted(Answer):
    """The task that does the work; `GET /tasks/{task_id}` follows it."""

    task_id: str
    task_type: str
    status: str
    title: str
    created_at: datetime
