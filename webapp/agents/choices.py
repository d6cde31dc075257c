"""What the form of an agent offers to choose from: agents to hand off to, tools, models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.agents.models import Agent
from webapp.agents.references import find_ids
from webapp.agents.schemas import AgentQuery
from webapp.agents.services import list_agents
from webapp.catalog.models import ModelConfig
from webapp.core.actor import Actor
from webapp.core.extensions import db

MAX_OFFERED = 20
#: of so many agents, the newest, the models and tools are offered
MAX_READ = 200


def find_targets(words: str, *, actor: Actor) -> list[tuple[str, str]]:
    """Handle and name of the first agents that match; the one with this very handle is first."""
    found = list_agents(AgentQuery(q=words, limit=MAX_OFFERED), actor=actor).items
    offered = {agent.handle: agent.name for agent in found}
    if words and words not in offered and find_ids([words], actor=actor):
        offered = {words: words} | offered
    return sorted(offered.items(), key=lambda item: item[0] != words)


def find_tools(words: str, *, actor: Actor) -> list[str]:
    """Names of tools that agents have and that hold `words`: this very name, then the most used."""
    used = Counter(tool for tools in _newest(Agent.tools, actor) for tool in tools)
    named = [tool for tool, _ in used.most_common() if words.lower() in tool.lower()]
    return sorted(named, key=lambda tool: tool != words)[:MAX_OFFERED]


def list_models(models: Sequence[ModelConfig], *, actor: Actor) -> list[str]:
    """What agents call the models that they have, the most used first, and the others of these."""
    used = [model for model, _ in Counter(_newest(Agent.model, actor)).most_common()]
    names = {model.reference: model.name for model in models}
    called = [names.get(model, model) for model in used]
    return list(dict.fromkeys([*called, *names.values()]))


def _newest(column: InstrumentedAttribute[Any], actor: Actor) -> Iterable[Any]:
    return db.session.scalars(
        select(column)
        .where(Agent.organization_id == actor.organization_id, Agent.is_active)
        .order_by(Agent.created_at.desc(), Agent.id)
        .limit(MAX_READ)
    )
