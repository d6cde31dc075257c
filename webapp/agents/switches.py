"""Switches: what `features_config` of a definition says to the features that look for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webapp.core.feature import contributions


@dataclass(frozen=True)
class AgentSwitch:
    """One that a feature knows; `check(value)` raises ValueError: what it must be.

    A switch that is not there has the feature's default; one that nobody knows is kept as it is.
    """

    name: str
    check: Callable[[Any], None]


def check_switches(values: dict[str, Any]) -> None:
    """Raise ValueError, with a switch's name and what it must be, at the first that is wrong."""
    for switch in contributions(AgentSwitch):
        if switch.name in values:
            try:
                switch.check(values[switch.name])
            except ValueError as error:
                raise ValueError(f"{switch.name} {error}") from error


def switch_names() -> list[str]:
    """The switches that the application's features know."""
    return sorted(switch.name for switch in contributions(AgentSwitch))
