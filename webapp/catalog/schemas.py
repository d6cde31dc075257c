from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from webapp.catalog.addresses import MAX_ADDRESS, check_base_url
from webapp.catalog.models import KeyState, Provider
from webapp.core.schemas import Query, RequestModel, ResponseModel


def _none_for_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _as_header(key: str) -> str:
    """A key travels in a header, where a line break or a letter beyond ASCII breaks the request."""
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("must hold no spaces and only ASCII characters")
    return key


def _strip(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


ModelName = Annotated[
    str,
    BeforeValidator(_strip),
    Field(min_length=1, max_length=200, examples=["gpt-4.1-mini"]),
]
Name = Annotated[
    Annotated[str, BeforeValidator(_strip), Field(max_length=255)] | None,
    BeforeValidator(_none_for_blank),
    Field(description="What agents call it; `provider:model` where none is given"),
]
BaseUrl = Annotated[
    Annotated[str, Field(max_length=MAX_ADDRESS), AfterValidator(check_base_url)] | None,
    BeforeValidator(_none_for_blank),
    Field(
        description="Up to before `/chat/completions`; needed by `openai-compatible` alone",
        examples=["http://127.0.0.1:11434/v1"],
    ),
]
ApiKey = Annotated[
    Annotated[str, BeforeValidator(_strip), Field(max_length=1000), AfterValidator(_as_header)]
    | None,
    BeforeValidator(_none_for_blank),
    Field(description="It is never shown again; null takes it away"),
]
Tokens = Annotated[int | None, Field(ge=1, le=2**31 - 1, examples=[128_000])]
Cost = Annotated[
    float | None,
    Field(
        ge=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="US dollars per million tokens; null: no price is known",
        examples=[0.4],
    ),
]


class ModelRequest(RequestModel):
    """A new model. Prices and context that are left out are looked up, null where unknown."""

    provider: Provider
    model: ModelName
    name: Name = None
    base_url: BaseUrl = None
    api_key: ApiKey = None
    max_context_tokens: Tokens = None
    input_cost: Cost = None
    output_cost: Cost = None
    is_default: bool = Field(False, description="New agents have it where they name none")


class ModelChanges(RequestModel):
    """Only what is given changes; prices are looked up anew where another model is named."""

    provider: Provider = Provider.OPENAI
    model: ModelName = Field(default_factory=str)
    name: Name = None
    base_url: BaseUrl = None
    api_key: ApiKey = None
    max_context_tokens: Tokens = None
    input_cost: Cost = None
    output_cost: Cost = None
    is_default: bool = False


class DeleteQuery(Query):
    force: bool = Field(False, description="Also where agents name it, which then cannot run")


class TestResponse(ResponseModel):
    status: Literal["pending", "passed", "failed"]
    code: str | None = None
    message: str = Field(description="What came back, in words")
    answer: str | None = Field(None, description="What the model said")
    duration_ms: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    begun_at: datetime
    begun_by: str


class ModelResponse(ResponseModel):
    id: str = Field(validation_alias="reference", examples=["extractive"])
    name: str = Field(description="What agents call it")
    provider: Provider
    model: str
    base_url: str | None
    key: KeyState = Field(validation_alias="key_state", description="The key itself is not told")
    max_context_tokens: int | None
    input_cost: float | None
    output_cost: float | None
    is_default: bool
    is_built_in: bool
    last_test: TestResponse | None
    created_at: datetime | None
    updated_at: datetime | None
