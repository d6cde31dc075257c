"""What other features show of theirs among an agent's own: tabs, panels, buttons, rows to go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g, url_for

from webapp.agents.models import Agent, as_uuid
from webapp.agents.permissions import AGENTS_READ
from webapp.catalog import services as catalog
from webapp.core.actor import Actor, Permission
from webapp.core.feature import contributions
from webapp.core.navigation import Confirmation
from webapp.core.security import current_actor


def model_name(agent: Agent) -> str:
    """What pages call an agent's model, which it may name by an id of the catalog."""
    if as_uuid(agent.model) is None:
        return agent.model
    names: dict[UUID, dict[str, str]] = g.setdefault("model_names", {})
    if agent.organization_id not in names:
        names[agent.organization_id] = catalog.find_names_by_id(agent.organization_id)
    return names[agent.organization_id].get(agent.model, agent.model)


@dataclass(frozen=True)
class AgentTab:
    """A tab of an agent's pages, from the lowest `position` on, for those with the permission.

    The endpoint takes the agent's `handle`; `address(agent, actor)` stands in for one that does
    not.
    """

    label: str
    endpoint: str
    position: int
    permission: Permission = AGENTS_READ
    address: Callable[[Agent, Actor], str] | None = None

    def url(self, agent: Agent, actor: Actor) -> str:
        if self.address:
            return self.address(agent, actor)
        return url_for(self.endpoint, handle=agent.handle)


@dataclass(frozen=True)
class AgentAction:
    """What whoever may does with an agent; a button on its page and in the list.

    `applies(agent)` says whether it can be done now.
    """

    label: str
    endpoint: str
    permission: Permission = AGENTS_READ
    applies: Callable[[Agent], bool] = lambda _agent: True


@dataclass(frozen=True)
class AgentCommand:
    """What the palette does with an agent, whose name stands for `{}` in the phrase: "Pause {}".

    The endpoint takes the agent's `handle`; with `fields` they are sent to it as a form, else it is
    a page. `applies(agent)` says whether there is anything to do, `confirm(agent)` what to ask
    before; `stays`: whoever does it is then where they were.
    """

    phrase: str
    endpoint: str
    permission: Permission = AGENTS_READ
    fields: Mapping[str, str] | None = None
    applies: Callable[[Agent], bool] = lambda _agent: True
    confirm: Callable[[Agent], Confirmation] | None = None
    stays: bool = False


@dataclass(frozen=True)
class AgentPanel:
    """A part of an agent's own page: `draw(agent)` → HTML."""

    draw: Callable[[Agent], str]


@dataclass(frozen=True)
class AgentColumn:
    """A column of the list of agents: `partial` draws the inside of a cell.

    It knows `agent` and its `figures`, a mapping of what all features keep of it. `sort` is the
    filter's word for sorting by it; columns stand from the lowest `position` on.

    What changes without a change of an agent is told by the feed "`feed`:all", which draws the
    element `<feed>-revision`, and by its `revision(actor)`.
    """

    label: str
    sort: str
    partial: str
    position: int
    is_number: bool = False
    feed: str = ""
    revision: Callable[[Actor], object] = lambda _actor: ""


@dataclass(frozen=True)
class AgentFact:
    """A line among the facts on an agent's page: `partial` draws what it says.

    It knows `agent` and `figures`, as that of a column does.
    """

    label: str
    partial: str
    position: int


@dataclass(frozen=True)
class NewAgentAction:
    """Another way to a new agent; a button over the list, for those who may write agents."""

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
    return [(tab.label, tab.url(agent, actor)) for tab in ordered if actor.may(tab.permission)]


def agent_actions(agent: Agent) -> list[tuple[str, str]]:
    """Label and address of each button that the actor may press."""
    actor = current_actor()
    return [
        (action.label, url_for(action.endpoint, handle=agent.handle))
        for action in contributions(AgentAction)
        if actor.may(action.permission) and action.applies(agent)
    ]


def agent_list_columns() -> list[dict[str, Any]]:
    """The columns of the list of agents as `ui.table` takes them; the key of one is its sort."""
    added = [
        {"label": item.label, "key": item.sort, "sort": item.sort, "is_number": item.is_number}
        for item in agent_columns()
    ]
    return [
        {"label": "Name", "sort": "name"},
        {"label": "Release", "key": "release"},
        {"label": "Model", "key": "model"},
        {"label": "Tools", "key": "tools", "is_number": True},
        *added,
        {"label": "Changed", "key": "updated_at", "sort": "updated_at"},
        {"label": "Actions", "is_quiet": True},
    ]


def agent_columns() -> list[AgentColumn]:
    """The columns that features bring to the list."""
    return sorted(contributions(AgentColumn), key=lambda column: column.position)


def agent_facts() -> list[AgentFact]:
    """The facts that features bring to an agent's page."""
    return sorted(contributions(AgentFact), key=lambda fact: fact.position)


def new_agent_actions() -> list[NewAgentAction]:
    """The other ways to a new agent."""
    return contributions(NewAgentAction)


#: what templates call
FOR_TEMPLATES = (
    agent_tabs,
    agent_actions,
    agent_columns,
    agent_list_columns,
    model_name,
    agent_facts,
    new_agent_actions,
)
