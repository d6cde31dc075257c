"""Execution: one run of an agent on one input, from its acceptance to its end."""

from __future__ import annotations

from webapp.agents import signals as agents
from webapp.agents.tabs import OwnedRows
from webapp.audit.wording import Wording
from webapp.core import idempotency
from webapp.core.feature import Feature
from webapp.core.live import FollowRoute
from webapp.core.openapi import PathParameter
from webapp.core.signals import Receiver
from webapp.engine import Job, Program, Queue
from webapp.executions import api, jobs, live, permissions, policy, services, waiting
from webapp.executions.forgetting import RETENTIONS
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.webhooks.events import WebhookEvent

FEATURE = Feature(
    blueprints=(api.bp,),
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
        Program("execution", "webapp.executions.runtime.program"),
        Receiver(agents.resumed, waiting.release_paused),
        OwnedRows("executions", services.count_executions_of),
        WebhookEvent("execution.completed", "an execution has come to its output"),
        WebhookEvent("execution.failed", "an execution has failed"),
        WebhookEvent("execution.cancelled", "somebody has stopped an execution"),
        Wording(past={"execute": "executed"}),
    ),
)
