"""What questions, searches and their results look like from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import (
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
)

from webapp.core.schemas import RequestModel, ResponseModel
from webapp.documents.schemas import Filters
from webapp.index import Strategy
from webapp.questions.unanswered.models import MIN_CONFIDENCE
from webapp.taxonomies.schemas import NodeReferences, Version

QueryText = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]


class QueryRequest(RequestModel):
    """A question to an agent (docs/contract/knowledge.md, query)."""

    query: QueryText = Field(examples=["How do I rotate an API key?"])
    top_k: StrictInt | None = Field(None, ge=1, le=50)
    streaming: StrictBool = False
    include_metadata: StrictBool = True
    filters: Filters | None = None


class SearchRequest(RequestModel):
    """A search over all documents of the organization."""

    query: QueryText = Field(examples=["rotate an API key"])
    top_k: StrictInt = Field(10, ge=1, le=50)
    strategy: Strategy = Strategy.HYBRID
    keyword_weight: float | None = Field(
        None, ge=0, le=1, description="Share of keywords in a hybrid score; else the embedder's"
    )
    explain: StrictBool = False
    nodes: NodeReferences = Field([], description="Only documents about these, or below them")
    version: Version | None = None
    filters: Filters | None = None


class ResultMetadata(ResponseModel):
    title: str
    heading_path: list[str]
    position: int
    external_id: str | None
    source_url: str | None
    content_type: str = Field(description="The kind of the document, such as text/markdown")
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

    @property
    def is_weak(self) -> bool:
        """Whether the passage by itself would leave a question unanswered."""
        return self.confidence < MIN_CONFIDENCE


class Result(ResponseModel):
    doc_id: UUID
    chunk_id: int
    content: str
    score: float
    metadata: ResultMetadata | None = None


class SearchResponse(ResponseModel):
    query: str
    results: list[Result]
    total_results: int
    query_time_ms: float
    retrieval_strategy: Strategy
    notice: str | None = Field(None, description="Where it could not search as it was asked to")
    executed_at: datetime

    @property
    def confidence(self) -> float:
        """How well the best passage answers by itself, 0 to 1; 0 where none says how well."""
        return max(
            (item.metadata.confidence for item in self.results if item.metadata), default=0.0
        )

    @property
    def is_answered(self) -> bool:
        """Whether a passage answers well enough for the question not to count as unanswered."""
        return self.confidence >= MIN_CONFIDENCE


class QueryResponse(SearchResponse):
    agent_id: UUID
