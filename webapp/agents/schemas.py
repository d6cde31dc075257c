"""The agent's JSON. One place says what a valid definition is; pages use it too."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from semver import Version

from webapp.agents.figures import Sort
from webapp.agents.json_schemas import check_schema
from webapp.agents.models import (
    DEFAULT_MODEL,
    DEFAULT_RETRIEVAL,
    RESERVED_HANDLES,
    Environment,
    Modality,
    Panel,
    Status,
    as_uuid,
)
from webapp.agents.switches import check_switches
from webapp.core.added_fields import complete
from webapp.core.http.preconditions import etag_of
from webapp.core.lists import DEFAULT_LIMIT, Limit, Offset
from webapp.core.schemas import RequestModel, ResponseModel, Shaped
from webapp.index import Strategy

MAX_INSTRUCTIONS = 200_000
HANDLE_PATTERN = r"^[a-z0-9_-]{1,64}$"


def _empty_for_null(value: Any) -> Any:
    return [] if value is None else value


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


def _not_reserved(value: str) -> str:
    if value in RESERVED_HANDLES:
        raise ValueError(f"{value} is a reserved word")
    if as_uuid(value):
        raise ValueError("must not read as a UUID, which could be another agent's id")
    return value


Handle = Annotated[
    str,
    Field(examples=["coding-expert"]),
    Shaped(HANDLE_PATTERN, "1 to 64 lower-case letters, digits, - and _"),
    AfterValidator(_not_reserved),
]
ModelConfigId = Annotated[
    str | None,
    Field(
        max_length=255,
        description="A model of the catalog, by id or name; it becomes the `model`",
        examples=["extractive"],
    ),
]
Note = Annotated[
    str | None,
    Field(None, max_length=500, description="What this version changes, for its readers"),
]


class _Checks(RequestModel):
    """The rules of single fields, wherever they are set."""

    @field_validator("handoff_targets", "tools", "panels", check_fields=False)
    @classmethod
    def _unique(cls, value: list[Any]) -> list[Any]:
        return list(dict.fromkeys(value))

    @field_validator("name", "model", check_fields=False)
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value.strip()

    @field_validator("retrieval_config", check_fields=False)
    @classmethod
    def _retrieval(cls, value: dict[str, Any]) -> dict[str, Any]:
        top_k = value.get("top_k", 5)
        if isinstance(top_k, bool) or not isinstance(top_k, int) or not 1 <= top_k <= 50:
            raise ValueError("top_k must be a whole number from 1 to 50")
        if value.get("strategy", "hybrid") not in list(Strategy):
            raise ValueError("strategy must be hybrid, keyword or vector")
        return value

    @field_validator("features_config", check_fields=False)
    @classmethod
    def _features(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_switches(value)
        return value

    @field_validator("input_schema", "output_schema", check_fields=False)
    @classmethod
    def _is_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            check_schema(value)
        return value


class AgentFields(_Checks):
    """What both creating and updating may set.

    See docs/contract/agents.md, 6.3, and docs/contract/versions.md, 2.1.
    """

    description: str = Field("", max_length=2000)
    model: Word = DEFAULT_MODEL
    voice: str | None = Field(None, max_length=255, examples=["cartesia:sonic"])
    handoff_targets: References = []
    tools: Tools = []
    modality: Modality = Modality.AUDIO_ONLY
    panels: Panels = []
    persona: str | None = Field(None, max_length=2000)
    scope_description: str | None = Field(None, max_length=500)
    retrieval_config: dict[str, Any] = Field(
        default_factory=lambda: dict(DEFAULT_RETRIEVAL), examples=[DEFAULT_RETRIEVAL]
    )
    features_config: dict[str, Any] = Field(default_factory=dict)
    input_schema: dict[str, Any] | None = Field(None, description="JSON Schema 2020-12")
    output_schema: dict[str, Any] | None = Field(None, description="JSON Schema 2020-12")
    model_overrides: dict[str, Any] | None = Field(
        None, examples=[{"model": "gpt-4.1-mini", "temperature": 0.2}]
    )


class AgentCreate(AgentFields):
    """A new agent, in one of two shapes (docs/contract/agents.md, 6.3 and spawn).

    `handle` is made from the name where absent. The second shape's `id` is the handle and its
    `system_prompt` the instructions; such an agent may have no instructions of its own.
    """

    name: Name
    model_config_id: ModelConfigId = None
    instructions: str = Field(
        max_length=MAX_INSTRUCTIONS, examples=["You help people to write code."]
    )
    handle: Handle | None = None
    parent: Word | None = Field(None, description="Handle or UUID of the agent above this one")
    activate: bool = Field(True, description="false: the agent begins paused")
    version_note: Note = None

    @model_validator(mode="before")
    @classmethod
    def _spawned(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        body = dict(body)
        for alias, name in (("id", "handle"), ("system_prompt", "instructions")):
            if alias in body:
                if name in body:
                    raise ValueError(f"{alias} and {name} are the same: give one of them")
                body[name] = body.pop(alias)
        if isinstance(body.get("handle"), str):
            body.setdefault("name", body["handle"])
        if body.get("model_config_id") or body.get("model_overrides"):
            body["instructions"] = body.get("instructions") or ""
        return body

    @field_validator("instructions")
    @classmethod
    def _says_something(cls, value: str, info: ValidationInfo) -> str:
        is_spawned = info.data.get("model_config_id") or info.data.get("model_overrides")
        if not value.strip() and not is_spawned:
            raise ValueError("must not be blank")
        return value


class AgentUpdate(AgentFields):
    """A partial update: only the fields that are given change; `null` only where it may."""

    name: Name = Field(default_factory=str)
    instructions: Instructions = Field(default_factory=str)
    model_config_id: ModelConfigId = None
    version_note: Note = None

    @field_validator("instructions")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value


class AgentPatch(_Checks):
    """What PATCH takes: these fields and no other; an object replaces the one before.

    See docs/contract/agents.md, patch.
    """

    name: Name = Field(default_factory=str)
    scope_description: str | None = Field(None, max_length=500)
    retrieval_config: dict[str, Any] = Field(default_factory=dict)
    features_config: dict[str, Any] = Field(default_factory=dict)
    paused: bool = False


class PublishRequest(RequestModel):
    """How a version is published; everything may be left out."""

    semver: str | None = Field(None, max_length=64, examples=["1.2.0"])
    changelog: str = Field("", max_length=10_000)
    environment: Environment = Environment.PRODUCTION

    @field_validator("semver")
    @classmethod
    def _is_semver(cls, value: str | None) -> str | None:
        if value is not None and not Version.is_valid(value):
            raise ValueError("must be a semantic version like 1.2.0")
        return value


class AgentFilter(RequestModel):
    """Which agents: the list's filters without order and page.

    However it is made, it has the filters and words of `sort` that features add, and therefore
    needs an application context.
    """

    model_config = {"extra": "ignore"}

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return super().__new__(complete(cls))

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        # The class that `__new__` makes an instance of has more fields than this one.
        return super(AgentFilter, complete(cls)).model_validate(obj, **options)

    q: str = Field(
        "",
        max_length=255,
        description="Part of name, handle or description; `model:`, `tool:`, `modality:` and "
        "`status:` before a word narrow the list, `is:paused` finds paused ones, quotes keep words "
        "together",
    )
    active: bool | None = Field(None, description="true: not paused")
    parent: str | None = Field(None, max_length=64, description="Handle or UUID of the agent above")
    is_sub: bool | None = Field(None, description="Whether there is an agent above")
    status: Status | None = None
    modality: Modality | None = None
    tool: str | None = Field(None, max_length=255)
    include_deleted: bool = Field(False, description="Admins only")


class AgentQuery(AgentFilter):
    """The list's filters, order and page."""

    sort: Sort = "-created_at"
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0

    @property
    def filter_names(self) -> list[str]:
        """The parameters that say which agents, without order and page."""
        others = ("include_deleted", "sort", "limit", "offset")
        return [name for name in type(self).model_fields if name not in others]

    @property
    def is_filtered(self) -> bool:
        return any(getattr(self, name) not in (None, "") for name in self.filter_names)


class AgentSearch(RequestModel):
    """The search by name (docs/contract/agents.md, search)."""

    model_config = {"extra": "ignore"}

    q: str = Field("", max_length=255)
    max_results: int = Field(50, ge=1, le=100)


class RunningRelease(ResponseModel):
    version: int
    semver: str


class AgentResponse(ResponseModel):
    # A field with a value of its own is in every answer all the same.
    model_config = {"json_schema_serialization_defaults_required": True}

    id: UUID
    agent_id: UUID = Field(description="The same as `id`, by its other name")
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
    persona: str | None
    scope_description: str | None
    retrieval_config: dict[str, Any]
    features_config: dict[str, Any]
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    model_overrides: dict[str, Any] | None
    parent: str | None
    paused: bool
    status: Status
    environments: dict[str, RunningRelease] = Field(
        description="What staging and production run, where they run something"
    )
    current_version: int
    revision: int
    is_active: bool
    taxonomy_node_ids: list[UUID] = Field(
        description="The topics it knows about, with all below them; empty: all documents"
    )
    taxonomy_version: str | None
    # Nothing measures these three yet; who does brings them as figures.
    level: int = 1
    current_xp: int = 0
    avg_faithfulness: float = 0.0
    created_at: datetime
    updated_at: datetime

    @property
    def etag(self) -> str:
        """The ETag of the agent that this describes, unquoted."""
        return etag_of(self.current_version, self.revision)


class AgentSearchResponse(ResponseModel):
    agents: list[AgentResponse]
    total: int
    filters_applied: dict[str, Any]
