from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock, sealing
from webapp.core.database.types import OrderedJson
from webapp.core.extensions import Model

#: the provider that is always there, and its one model: passages of documents, offline
EXTRACTIVE = "extractive"
#: seconds after which a test that has no end will have none
TEST_PATIENCE_SECONDS = 120


class Provider(StrEnum):
    """Who answers. All but the first are asked over the network."""

    EXTRACTIVE = "extractive"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OPENAI_COMPATIBLE = "openai-compatible"


class KeyState(StrEnum):
    """What is known of a model's key without reading it aloud."""

    NONE = "none"
    SET = "set"
    #: it was sealed with another `SECRET_KEY`
    UNREADABLE = "unreadable"


class ModelConfig(Model):
    """A model that agents may name: where it is asked, with which key, what it costs.

    Costs are US dollars per million tokens; None where no price is known. `last_test` is what came
    of the last test: `{"status": pending|passed|failed, "number", "code", "message", "answer",
    "duration_ms", "input_tokens", "output_tokens", "begun_at", "begun_by"}`.
    """

    __tablename__ = "model_configs"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    name: Mapped[str] = mapped_column(String(255))
    provider: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(200))
    base_url: Mapped[str | None] = mapped_column(String(2000))
    sealed_key: Mapped[str | None] = mapped_column(Text)
    max_context_tokens: Mapped[int | None]
    input_cost: Mapped[float | None]
    output_cost: Mapped[float | None]
    is_default: Mapped[bool] = mapped_column(default=False)
    last_test: Mapped[dict[str, Any] | None] = mapped_column(OrderedJson)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def reference(self) -> str:
        """Its id as the API has it."""
        return EXTRACTIVE if self.is_built_in else str(self.id)

    @property
    def is_built_in(self) -> bool:
        return self.provider == Provider.EXTRACTIVE

    @property
    def full_name(self) -> str:
        """`provider:model`."""
        return full_name(self.provider, self.model)

    @property
    def references(self) -> tuple[str, ...]:
        """How agents may name it."""
        if self.is_built_in:
            return (EXTRACTIVE, self.full_name)
        return tuple(dict.fromkeys((str(self.id), self.name, self.full_name)))

    @property
    def key_state(self) -> KeyState:
        if self.sealed_key is None:
            return KeyState.NONE
        try:
            sealing.unseal(self.sealed_key)
        except sealing.Unreadable:
            return KeyState.UNREADABLE
        return KeyState.SET

    @property
    def tested_at(self) -> datetime | None:
        """When the last test began."""
        return datetime.fromisoformat(self.last_test["begun_at"]) if self.last_test else None

    @property
    def is_being_tested(self) -> bool:
        """Whether a test has begun that may still end."""
        if not self.last_test or self.tested_at is None or self.last_test["status"] != "pending":
            return False
        return (clock.now() - self.tested_at).total_seconds() < TEST_PATIENCE_SECONDS

    def as_order(self) -> dict[str, Any]:
        """What a runner is told, with the key in plain text: for nobody else.

        Raises sealing.Unreadable where the key was sealed with another `SECRET_KEY`.
        """
        return {
            "provider": self.provider,
            "model": self.model,
            "base_url": self.base_url,
            "api_key": sealing.unseal(self.sealed_key) if self.sealed_key else None,
            "input_cost": self.input_cost,
            "output_cost": self.output_cost,
            "max_context_tokens": self.max_context_tokens,
        }


def full_name(provider: str, model: str) -> str:
    """`provider:model`, as agents may name a model, and as it is called without a name."""
    return f"{provider}:{model}"


def make_extractive(organization_id: UUID, *, is_default: bool = False) -> ModelConfig:
    """The model that needs nothing; no row of the database."""
    return ModelConfig(
        organization_id=organization_id,
        name=EXTRACTIVE,
        provider=Provider.EXTRACTIVE.value,
        model=EXTRACTIVE,
        input_cost=0.0,
        output_cost=0.0,
        is_default=is_default,
    )
