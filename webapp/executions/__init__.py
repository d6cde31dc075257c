"""Execution: one run of an agent on one input, from its acceptance to its end."""

from __future__ import annotations

from webapp.agents import signals as agents
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.agents.tabs import AgentAction, AgentCommand, AgentTab, OwnedRows
from webapp.audit.wording import Wording
from webapp.core import idempotency
from webapp.core.feature import Feature
from webapp.core.live import FollowRoute
from webapp.core.navigation import PaletteGroup, PaletteSearch, Section, SectionPages
from webapp.core.openapi import PathParameter
from webapp.core.signals import Receiver
from webapp.engine import Job, Queue
from webapp.executions import (
    api,
    jobs,
    live,
    pages,
    palette,
    permissions,
    policy,
    services,
    waiting,
)
from webapp.executions.forgetting import RETENTIONS
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.executions.schemas import ExecutionQuery
from webapp.executions.selection import pages as selection
from webapp.executions.starting import pages as starting
from webapp.views.lists import ViewedList
from webapp.webhooks.events import WebhookEvent

FEATURE = Feature(
    blueprints=(pages.bp, selection.bp, starting.bp, api.bp),
    contributions=(
        *permissions.PERMISSIONS,
        *policy.SWITCHES,
        *live.FEEDS,
        *RETENTIONS,
        idempotency.RETENTION,
        live.SOCKET,
        FollowRoute("/ws/executions/<execution_id>", live.execution_socket, EXECUTIONS_READ),
        PathParameter("execution_id", "The execution's UUID"),
        Queue("executions", concurrency=64),
        Job("execution", jobs.run_execution, queue="executions"),
        Job("held_executions", waiting.release_held),
        *jobs.PROGRAMS,
        Receiver(agents.resumed, waiting.release_paused),
        Receiver(agents.deleted, waiting.release_deleted),
        OwnedRows("executions", services.count_executions_of),
        WebhookEvent("execution.completed", "an execution has come to its output"),
        WebhookEvent("execution.failed", "an execution has failed"),
        WebhookEvent("execution.cancelled", "somebody has stopped an execution"),
        Section("Executions", "executions.index", "executions", position=25, key="e"),
        SectionPages("Executions", ("executions", "execution_bulk")),
        SectionPages("Agents", ("executions.of_agent", "agent_runs")),
        ViewedList("executions", "executions.index", ExecutionQuery),
        AgentTab("Executions", "executions.of_agent", position=25, permission=EXECUTIONS_READ),
        AgentAction("Run", "agent_runs.new", permission=EXECUTIONS_RUN),
        AgentCommand("Run {}", "agent_runs.new", permission=EXECUTIONS_RUN),
        PaletteGroup("Executions", palette.find_executions),
        PaletteSearch("Find executions with “{}”", "executions.index", permission=EXECUTIONS_READ),
        Wording(
            past={"execute": "started"},
            links={"execution": ("executions.show", "execution_id")},
            aside=palette.describe_start,
        ),
    ),
)
