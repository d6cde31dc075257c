"""The models that an agent may name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from webapp.agents.models import DEFAULT_MODEL

EXTRACTIVE: dict[str, Any] = {
    "provider": DEFAULT_MODEL,
    "model": DEFAULT_MODEL,
    "base_url": None,
    "api_key": None,
    "input_cost": 0.0,
    "output_cost": 0.0,
    "max_context_tokens": None,
}


def find_model(organization_id: UUID, name: str) -> dict[str, Any] | None:
    """What a runner is told of a model, with its key; None where nobody knows it."""
    return EXTRACTIVE if name == DEFAULT_MODEL else None


def names_of_models(organization_id: UUID) -> list[str]:
    """The models that there are, as agents name them."""
    return [DEFAULT_MODEL]
