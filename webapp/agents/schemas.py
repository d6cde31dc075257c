"""The agent's JSON. One place says what a valid definition is; pages use it too."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, field_validator

from webapp.agents.models import DEFAULT_MODEL, DEFAULT_RETRIEVAL, Modality, Panel
from webapp.core.api import Answer, Body

MAX_INSTRUCTIONS = 200_000


def _empty_for_null(value: Any) -> Any:
    return [] if value is None else value


def _unique(items: list[Any]) -> list[Any]:
    return list(dict.fromkeys(items))


Word = Annotated[str, Field(min_length=1, max_length=255)]
References = Annotated[
    list[Word],
    BeforeValidator(_empty_for_null),
    Field(max_length=200, description="Agents, each by UUID or handle"),
]
Tools = Annotated[list[Word], BeforeValidator(_empty_for_null), Field(max_length=200)]
Panels = Annotated[list[Panel], BeforeValidator(_empty_for_null), Field(max_length=20)]
Name = Annotated[str, Field(min_length=1, max_length=255, examples=["Coding Expert"])]
Instructions = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_INSTRUCTIONS,
        examples=["You help people to write code."],
    ),
]


class AgentFields(Body):
    """What both creating and updating may set (spec 2, 6.3; spec 1, 0.1)."""

    description: str = Field("", max_length=2000)
    model: Word = DEFAULT_MODEL
    voice: str | None = Field(None, max_length=255, examples=["cartesia:sonic"])
    handoff_targets: References = []
    tools: Tools = []
    modality: Modality = Modality.AUDIO_ONLY
    panels: Panels = []
    scope_description: str | None = Field(None, max_length=500)
    retrieval_config: dict[str, Any] = Field(
        default_factory=lambda: dict(DEFAULT_RETRIEVAL), examples=[DEFAULT_RETRIEVAL]
    )
    features_config: dict[str, Any] = Field(default_factory=dict)

    unique = field_validator("handoff_targets", "tools", "panels")(_unique)

    @field_validator("name", "model", check_fields=False)
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value.strip()

    @field_validator("instructions", check_fields=False)
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value

    @field_validator("retrieval_config")
    @classmethod
    def _retrieval(cls, value: dict[str, Any]) -> dict[str, Any]:
        top_k = value.get("top_k", 5)
        if isinstance(top_k, bool) or not isinstance(top_k, int) or not 1 <= top_k <= 50:
            raise ValueError("top_k must be a whole number from 1 to 50")
        if value.get("strategy", "hybrid") not in ("hybrid", "keyword", "vector"):
            raise ValueError("strategy must be hybrid, keyword or vector")
        return value

    @field_validator("features_config")
    @classmethod
    def _features(cls, value: dict[str, Any]) -> dict[str, Any]:
        delay = value.get("stream_delay_ms", 50)
        if isinstance(delay, bool) or not isinstance(delay, int) or not 0 <= delay <= 5000:
            raise ValueError("stream_delay_ms must be a whole number from 0 to 5000")
        return value


class AgentCreate(AgentFields):
    """A new agent. `handle` is made from the name where absent."""

    name: Name
    instructions: Instructions
    handle: str | None = Field(None, pattern=r"^[a-z0-9_-]{1,64}$", examples=["coding-expert"])


class AgentUpdate(AgentFields):
    """A partial update: only the fields that are given change; `null` only where it may."""

    name: Name = Field(default_factory=str)
    instructions: Instructions = Field(default_factory=str)


class AgentQuery(Body):
    """The list's filters."""

    model_config = {"extra": "ignore"}

    q: str = Field("", max_length=255, description="Part of the name or handle")
    modality: Modality | None = None
    tool: str | None = Field(None, max_length=255)
    sort: str = Field("-created_at", pattern=r"^-?(name|created_at|updated_at|total_queries)$")
    include_deleted: bool = Field(False, description="Admins only")
    limit: int = Field(50, ge=1, le=100)
    offset: int = Field(0, ge=0, le=1_000_000_000)


class AgentAnswer(Answer):
    id: UUID
    organization_id: UUID
    handle: str
    name: str
    description: str
    instructions: str
    model: str
    voice: str | None
    handoff_targets: list[UUID]
    tools: list[str]
    modality: Modality
    panels: list[str]
    scope_description: str | None
    retrieval_config: dict[str, Any]
    features_config: dict[str, Any]
    is_active: bool
    total_queries: int
    last_query_at: datetime | None
    created_at: datetime
    updated_at: datetime
