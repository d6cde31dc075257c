"""Agent: a definition (instructions, model, tools, hand-offs) with a knowledge scope.

`models` has the three tables; `services` the life of one agent. What is done with definitions has
a folder of its own: `versions`, `releases`, `handoffs`, `transfer` (export and import), `bulk`.
"""

from __future__ import annotations

from webapp.agents import api, labels, live, pages, palette, permissions, references, tabs
from webapp.agents.bulk import api as bulk_api
from webapp.agents.bulk import pages as bulk_pages
from webapp.agents.handoffs import api as handoffs_api
from webapp.agents.handoffs import pages as handoffs_pages
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.releases import api as releases_api
from webapp.agents.releases import pages as releases_pages
from webapp.agents.schemas import AgentQuery
from webapp.agents.tabs import AgentTab
from webapp.agents.transfer import api as transfer_api
from webapp.agents.transfer import pages as transfer_pages
from webapp.agents.versions import api as versions_api
from webapp.agents.versions import pages as versions_pages
from webapp.audit.wording import Wording
from webapp.catalog.signals import models_named
from webapp.core.feature import Feature
from webapp.core.navigation import PaletteGroup, PalettePage, PaletteSearch, Section, SectionPages
from webapp.core.openapi import PathParameter
from webapp.core.signals import Receiver
from webapp.views.lists import ViewedList
from webapp.webhooks.events import WebhookEvent

for function in (*tabs.FOR_TEMPLATES, *labels.FOR_TEMPLATES):
    pages.bp.add_app_template_global(function)

FEATURE = Feature(
    blueprints=(
        pages.bp,
        api.bp,
        versions_pages.bp,
        versions_api.bp,
        releases_pages.bp,
        releases_api.bp,
        handoffs_pages.bp,
        handoffs_api.bp,
        transfer_pages.bp,
        transfer_api.bp,
        bulk_pages.bp,
        bulk_api.bp,
    ),
    contributions=(
        *permissions.PERMISSIONS,
        *live.FEEDS,
        Receiver(models_named, references.list_naming),
        WebhookEvent("release.published", "a version is a release, and an environment runs it"),
        WebhookEvent("release.promoted", "an environment runs a release of another one"),
        WebhookEvent("release.rolled_back", "an environment runs an earlier release again"),
        PathParameter("agent_id", "Its UUID or its handle"),
        Section("Agents", "agents.index", "agents", position=20, key="a"),
        SectionPages(
            "Agents",
            (
                "agents",
                "agent_versions",
                "agent_releases",
                "agent_handoffs",
                "agent_transfer",
                "agent_bulk",
            ),
        ),
        AgentTab("Overview", "agents.show", position=10),
        AgentTab("Definition", "agents.edit", position=40, address=pages.definition_url),
        AgentTab("Versions", "agent_versions.index", position=50),
        AgentTab("Releases", "agent_releases.index", position=60),
        AgentTab("Settings", "agents.settings", position=70, permission=AGENTS_WRITE),
        PalettePage("Hand-offs", "agent_handoffs.show"),
        PalettePage("New agent", "agents.new", permission=AGENTS_WRITE),
        PalettePage("Import agents", "agent_transfer.new", permission=AGENTS_WRITE),
        PaletteGroup("Actions", palette.find_commands),
        PaletteGroup("Agents", palette.find_agents),
        PaletteSearch("Find agents with “{}”", "agents.index"),
        *palette.COMMANDS,
        ViewedList("agents", "agents.index", AgentQuery),
        Wording(
            past={
                "archive": "archived",
                "deprecate": "deprecated",
                "import": "imported",
                "pause": "paused",
                "promote": "promoted",
                "publish": "published",
                "reinstate": "reinstated",
                "remove": "removed for good",
                "restore": "restored",
                "resume": "resumed",
                "roll back": "rolled back",
            },
            links={"agent": ("agents.show", "handle")},
            aside=palette.describe_change,
        ),
    ),
)
