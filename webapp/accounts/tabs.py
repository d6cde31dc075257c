"""SettingsTab: a page under Settings."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from webapp.core.actor import ORGANIZATION_READ, Permission
from webapp.core.feature import contributions
from webapp.core.security import current_actor


@dataclass(frozen=True)
class SettingsTab:
    """A tab of Settings, from the lowest `position` on, for those with the permission."""

    label: str
    endpoint: str
    position: int
    permission: Permission = ORGANIZATION_READ


def settings_tabs() -> list[tuple[str, str]]:
    """Label and address of each tab that the actor may open."""
    actor = current_actor()
    ordered = sorted(contributions(SettingsTab), key=lambda tab: tab.position)
    return [(tab.label, url_for(tab.endpoint)) for tab in ordered if actor.may(tab.permission)]
