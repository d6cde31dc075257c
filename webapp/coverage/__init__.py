"""Coverage: how much of an agent's scope has the documents it should have; what is missing.

`scopes` gives agents their topics, `moves` takes them from one version of a taxonomy to another.
"""

from __future__ import annotations

from datetime import timedelta

from webapp.agents.figures import AgentFigures
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.schemas import AgentFilter, AgentResponse
from webapp.agents.tabs import (
    AgentColumn,
    AgentCommand,
    AgentFact,
    AgentPanel,
    AgentTab,
    NewAgentAction,
)
from webapp.audit.wording import Wording
from webapp.core.added_fields import AddedFields
from webapp.core.feature import Feature
from webapp.core.navigation import PalettePage, SectionPages
from webapp.core.retention import Retention, forget_by
from webapp.core.signals import Receiver
from webapp.coverage import alerts, api, figures, live, pages, refresh
from webapp.coverage.changes import schedule_refresh
from webapp.coverage.models import AgentCoverage, CoverageRecord
from webapp.coverage.moves import api as moves_api
from webapp.coverage.moves import pages as moves_pages
from webapp.coverage.moves import services as moves
from webapp.coverage.moves.moving import move_taxonomy
from webapp.coverage.scopes import api as scopes_api
from webapp.coverage.scopes import pages as scopes_pages
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.changes import forget_unused
from webapp.documents import signals as documents
from webapp.engine import Job
from webapp.tasks.kinds import TaskKind
from webapp.taxonomies import signals as taxonomies
from webapp.taxonomies.actions import TaxonomyAction
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.webhooks.events import WebhookEvent

FEATURE = Feature(
    blueprints=(
        pages.bp,
        api.bp,
        scopes_pages.bp,
        scopes_api.bp,
        moves_pages.bp,
        moves_api.bp,
    ),
    contributions=(
        *live.FEEDS,
        Receiver(documents.changed, schedule_refresh),
        Receiver(taxonomies.scopes_used, scopes.list_users),
        Job("coverage", refresh.refresh_changed),
        TaskKind(refresh.TASK_TYPE, refresh.refresh_coverage, result="coverage/_result.html"),
        TaskKind(moves.TASK_TYPE, move_taxonomy, result="coverage/moves/_result.html"),
        Retention("coverage", forget_by(CoverageRecord.timestamp), "history_days"),
        Retention("unused scopes", forget_unused, timedelta()),
        WebhookEvent("coverage.fell", "an agent's coverage has fallen by a lot"),
        *alerts.SWITCHES,
        AgentFigures(
            AgentCoverage,
            figures.CoverageFields,
            sorts=("coverage_percent",),
            condition=figures.condition,
        ),
        AddedFields(AgentResponse, figures.CoverageFields),
        AddedFields(AgentFilter, figures.CoverageFilter),
        AgentTab("Topics", "coverage.show", position=30),
        AgentPanel(pages.draw_panel),
        AgentColumn("Coverage", "coverage_percent", "coverage/_column.html", position=10),
        AgentFact("Knowledge scope", "coverage/_fact.html", position=10),
        TaxonomyAction("Move agents to", "moves.show", moves.find_reason),
        AgentCommand(
            "Refresh coverage of {}",
            "coverage.refresh",
            permission=KNOWLEDGE_WRITE,
            fields={},
            applies=lambda agent: bool(agent.taxonomy_node_ids),
        ),
        NewAgentAction("New from topics", "scopes.new"),
        PalettePage("New from topics", "scopes.new", permission=AGENTS_WRITE),
        SectionPages("Agents", ("coverage", "scopes")),
        SectionPages("Documents", ("moves",)),
        Wording(
            past={
                "coverage_fell": "saw coverage fall of",
                "move": "moved agents to",
                "scope": "chose the topics of",
                "targets": "set targets of",
            },
            aside=refresh.describe_fall,
        ),
    ),
)
