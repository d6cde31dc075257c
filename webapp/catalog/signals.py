"""What the catalog asks the features below it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.core.signals import Signal


@dataclass(frozen=True)
class Use:
    """Something that names a model: what it is called, and its page."""

    name: str
    endpoint: str
    values: Mapping[str, Any]


#: `organization_id`, `names`: each receiver answers a list of what names a model by one of these
models_named = Signal("catalog.models_named")
