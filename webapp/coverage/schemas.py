"""What coverage looks like from outside (docs/contract/knowledge.md)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field, RootModel, StrictInt

from webapp.core.schemas import FirstMoment, LastMoment, Query, ResponseModel
from webapp.coverage.services import MAX_HISTORY


class GapQuery(Query):
    threshold: float = Field(0.5, ge=0, le=1, allow_inf_nan=False)


class RefreshQuery(Query):
    background: bool = True
    webhook_url: str | None = Field(
        None, max_length=2000, description="Told of the end, signed (X-Agent-Signature)"
    )


class HistoryQuery(Query):
    start_date: FirstMoment = Field(
        None, description="The first moment; a day counts from its beginning"
    )
    end_date: LastMoment = Field(None, description="The last moment; a day counts to its end")
    limit: int = Field(MAX_HISTORY, ge=1, le=MAX_HISTORY)


class TargetsRequest(RootModel[dict[UUID, StrictInt | None]]):
    """How many documents an agent wants, by topic; 0: not measured, null: the taxonomy's own."""

    model_config = {
        "json_schema_extra": {"examples": [{"0b9ab5a5-6a4e-4d8e-9a62-1d1f0c6f4a11": 12}]}
    }


class CoverageResponse(ResponseModel):
    agent_id: UUID
    overall_coverage: float
    node_coverage: dict[str, float] = Field(description="Percent of its target, by topic id")
    document_counts: dict[str, int]
    target_counts: dict[str, int]
    version: str | None
    total_documents: int
    total_chunks: int
    calculated_at: datetime


class GapResponse(ResponseModel):
    node_id: UUID
    path: list[str]
    current_coverage: float
    target_coverage: float
    missing_docs: int
    recommendation: str


class GapsResponse(ResponseModel):
    agent_id: UUID
    gaps: list[GapResponse]
    threshold: float
    detected_at: datetime


class HistoryEntry(ResponseModel):
    timestamp: datetime
    overall_coverage: float
    total_documents: int
    total_chunks: int
    version: str | None


class HistoryResponse(ResponseModel):
    agent_id: UUID
    history: list[HistoryEntry]
    start_date: datetime | None
    end_date: datetime | None
    total_entries: int
