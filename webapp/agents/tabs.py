"""What other features show of theirs among an agent's own: tabs, panels, buttons, rows to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import url_for

from webapp.agents.models import Agent
from webapp.core.actor import Actor, Role
from webapp.core.feature import contributions
from webapp.core.security import current_actor


@dataclass(frozen=True)
class AgentTab:
    """A tab of an agent's pages, from the lowest `position` on, for those with the role.

    The endpoint takes the agent's `handle`; `address(agent, actor)` stands in for one that does
    not.
    """

    label: str
    endpoint: str
    position: int
    role: Role = Role.VIEWER
    address: Callable[[Agent, Actor], str] | None = None

    def url(self, agent: Agent, actor: Actor) -> str:
        if self.address:
            return self.address(agent, actor)
        return url_for(self.endpoint, handle=agent.handle)


@dataclass(frozen=True)
class AgentAction:
    """What somebody with the role does with an agent; a button on its page and in the list."""

    label: str
    endpoint: str
    role: Role = Role.VIEWER


@dataclass(frozen=True)
class AgentPanel:
    """A part of an agent's own page: `draw(agent)` → HTML."""

    draw: Callable[[Agent], str]


@dataclass(frozen=True)
class NewAgentAction:
    """Another way to a new agent; a button over the list, for admins."""

    label: str
    endpoint: str


@dataclass(frozen=True)
class OwnedRows:
    """What a feature keeps of an agent, and what goes with it: `count(agent)` rows."""

    label: str
    count: Callable[[Agent], int]


def agent_tabs(agent: Agent) -> list[tuple[str, str]]:
    """Label and address of each tab that the actor may open."""
    actor = current_actor()
    ordered = sorted(contributions(AgentTab), key=lambda tab: tab.position)
    return [(tab.label, tab.url(agent, actor)) for tab in ordered if actor.can(tab.role)]


def agent_actions(agent: Agent) -> list[tuple[str, str]]:
    """Label and address of each button that the actor may press."""
    actor = current_actor()
    return [
        (action.label, url_for(action.endpoint, handle=agent.handle))
        for action in contributions(AgentAction)
        if actor.can(action.role)
    ]


def new_agent_actions() -> list[NewAgentAction]:
    """The other ways to a new agent."""
    return contributions(NewAgentAction)
