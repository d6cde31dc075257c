from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import (
    AliasChoices,
    Field,
    field_validator,
)

from webapp.core.lists import DEFAULT_LIMIT, Limit, Offset
from webapp.core.schemas import RequestModel, ResponseModel
from webapp.documents.models import DocumentStatus
from webapp.taxonomies.schemas import NodeReferences, Version

MAX_CONTENT = 5_000_000
#: documents whose proposals are decided on at once
MAX_REVIEWED = 1000
CONTENT_TYPES = ("text/markdown", "text/plain", "text/html")


def _is_link(value: str | None) -> str | None:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value or None


class _Topics(RequestModel):
    """What a document is about."""

    nodes: NodeReferences = []
    version: Version | None = Field(None, description="Of the taxonomy; else the highest one")
    confidence: float = Field(1.0, ge=0, le=1, description="A node counts it from 0.7 on")


class DocumentRequest(_Topics):
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


class ProposalsRequest(RequestModel):
    """What becomes of the topics that were proposed for documents."""

    ids: list[UUID] = Field(min_length=1, max_length=MAX_REVIEWED)
    action: Literal["confirm", "reject"]


class TopicResponse(ResponseModel):
    node_id: UUID = Field(validation_alias=AliasChoices("public_id", "node_id"))
    path: list[str]
    version: str
    confidence: float
    is_proposed: bool


class DocumentResponse(ResponseModel):
    id: UUID
    nodes: list[TopicResponse] = Field(validation_alias=AliasChoices("links", "nodes"))
    title: str
    content_type: str
    source_url: str | None
    external_id: str | None
    metadata: dict[str, Any] = Field(validation_alias=AliasChoices("document_metadata", "metadata"))
    status: DocumentStatus
    error: str | None = Field(description="Why the file could not be read")
    file_size: int
    chunk_count: int
    created_at: datetime
    updated_at: datetime


class DeletedDocumentResponse(ResponseModel):
    id: UUID
    title: str
    content_type: str
    external_id: str | None
    deleted_at: datetime


class DeletedDocumentQuery(RequestModel):
    model_config = {"extra": "ignore"}

    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


class DocumentDeletionQuery(RequestModel):
    model_config = {"extra": "ignore"}

    permanent: bool = Field(False, description="For ever, also what is deleted already")


class DocumentFilter(RequestModel):
    """The list's filters."""

    q: str = Field("", max_length=255, description="Part of the title or external id")
    status: DocumentStatus | None = None
    node: UUID | None = Field(None, description="About this topic or one below it")
    task: str | None = Field(None, max_length=41, description="Imported by this task")
    proposed: bool = Field(False, description="Only those with topics to confirm")


class DocumentQuery(DocumentFilter):
    model_config = {"extra": "ignore"}

    sort: Literal["title", "-title", "updated_at", "-updated_at", "created_at", "-created_at"] = (
        "-created_at"
    )
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


class Filters(RequestModel):
    """Which documents a search may find; all that are given must hold."""

    metadata: dict[str, Any] = Field(
        default_factory=dict,
        max_length=10,
        description="Top-level values of the documents' metadata",
        examples=[{"language": "en"}],
    )
    content_type: str | None = Field(None, max_length=100)
    external_id_prefix: str | None = Field(None, min_length=1, max_length=255)
