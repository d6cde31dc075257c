"""Agents in the command palette with what is done with them, and releases in the activity."""

from __future__ import annotations

from flask import url_for

from webapp.agents import services
from webapp.agents.labels import in_a_sentence
from webapp.agents.models import Agent, Environment
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.tabs import AgentCommand
from webapp.audit.models import AuditEntry
from webapp.core import matching
from webapp.core.actor import Actor
from webapp.core.errors import NotFound
from webapp.core.feature import contributions
from webapp.core.navigation import Confirmation, PaletteEntry

MAX_FOUND = 6
#: names that are looked for, where verbs leave several
MAX_NAMES = 2
#: letters of a verb from which on it is one without a name behind it
MIN_VERB = 3
#: letters from which on descriptions are searched too; fewer stand in all of them
MIN_DESCRIBED = 3
#: characters of a description that are shown with what it was found by
MAX_EXCERPT = 60


def find_agents(words: str, actor: Actor, _open_handle: str = "") -> list[PaletteEntry]:
    """The few agents that are meant most likely."""
    agents = services.suggest_agents(words, limit=MAX_FOUND, actor=actor)
    entries = [_link(agent, _hint(agent)) for agent in agents]
    if len(words) >= MIN_DESCRIBED and len(agents) < MAX_FOUND:
        known = {agent.id for agent in agents}
        entries += [
            _link(agent, f"{agent.handle} · {_excerpt(agent.description, words)}")
            for agent in services.suggest_described(words, limit=MAX_FOUND, actor=actor)
            if agent.id not in known
        ]
    return entries[:MAX_FOUND]


def find_commands(words: str, actor: Actor, open_handle: str = "") -> list[PaletteEntry]:
    """What can be done with the agents named behind a verb: "pause triage".

    Of those that fit as well the one whose page is open stands first; without a name it is meant.
    """
    named = [
        (command, name)
        for command in contributions(AgentCommand)
        if actor.may(command.permission) and (name := _name_behind(words, command)) is not None
    ]
    agents = {
        name: services.suggest_agents(name, limit=MAX_FOUND, actor=actor)
        for name in sorted({name for _, name in named}, key=len)[:MAX_NAMES]
    }
    is_open = _by_handle(open_handle, actor) if named and open_handle else None
    for name, found in agents.items():
        if is_open and (is_open in found or _fits(name, is_open)):
            found[:] = [is_open, *(agent for agent in found if agent != is_open)]
    entries = [
        _entry(command, agent)
        for command, name in named
        for agent in agents.get(name, ())
        if command.applies(agent)
    ]
    return matching.best(words, entries, lambda entry: (entry.label,), limit=MAX_FOUND)


def describe_change(entry: AuditEntry) -> str:
    """What of an agent was changed, to which version it went back, or which release went where."""
    if entry.subject_type == "agent" and entry.action == "update" and entry.detail.get("fields"):
        return f"({in_a_sentence(entry.detail['fields'])})"
    if entry.action == "roll back" and "to" in entry.detail:
        return f"to version {entry.detail['to']}"
    if "semver" not in entry.detail:
        return ""
    environment = entry.detail.get("environment")
    return f"{entry.detail['semver']}{f' in {environment}' if environment else ''}"


def _name_behind(words: str, command: AgentCommand) -> str | None:
    """What stands behind a verb that may still be being typed; None where it is not this one."""
    typed = words.lower().split()
    before, _, after = (part.lower().split() for part in command.phrase.partition("{}"))
    verb = [word for word, known in zip(typed, before, strict=False) if known.startswith(word)]
    rest = typed[len(verb) :]
    if typed[: len(verb)] != verb or not verb:
        return None
    if not rest and len(" ".join(verb)) < MIN_VERB:
        return None
    for count in range(len(after), 0, -1):
        end = rest[-count:]
        if len(end) == count and all(
            known.startswith(word) for word, known in zip(end, after, strict=False)
        ):
            return " ".join(rest[:-count])
    return " ".join(rest)


def _by_handle(handle: str, actor: Actor) -> Agent | None:
    """The agent of that handle; None where it is not there, or not yours."""
    try:
        return services.get_agent(handle, actor=actor)
    except NotFound:
        return None


def _fits(name: str, agent: Agent) -> bool:
    return any(matching.rank(name, known) is not None for known in (agent.name, agent.handle))


def _link(agent: Agent, hint: str) -> PaletteEntry:
    return PaletteEntry(agent.name, url_for("agents.show", handle=agent.handle), hint)


def _excerpt(text: str, words: str) -> str:
    """The part of a description that has the words in it."""
    at = text.lower().find(words.lower())
    start = at - MAX_EXCERPT // 3 if at > MAX_EXCERPT // 2 else 0
    part = text[start : start + MAX_EXCERPT].strip()
    return f"{'…' if start else ''}{part}{'…' if len(text) > start + MAX_EXCERPT else ''}"


def _entry(command: AgentCommand, agent: Agent) -> PaletteEntry:
    return PaletteEntry(
        command.phrase.replace("{}", agent.name),
        url_for(command.endpoint, handle=agent.handle),
        _hint(agent),
        fields=command.fields,
        confirmation=command.confirm(agent) if command.confirm else None,
        stays=command.stays,
    )


def _hint(agent: Agent) -> str:
    running = agent.runs(Environment.PRODUCTION)
    return f"{agent.handle} · {running['semver'] if running else agent.status}"


def _publishing(environment: Environment) -> AgentCommand:
    def ask(agent: Agent) -> Confirmation:
        return Confirmation(
            f"Publish version {agent.current_version} of {agent.name}?",
            f"Publish to {environment}",
            f"{environment.capitalize()} runs it from then on.",
            tone="primary",
            focus="verb" if environment is Environment.STAGING else "keep",
        )

    return AgentCommand(
        f"Publish {{}} to {environment}",
        "agent_releases.create",
        permission=AGENTS_WRITE,
        fields={"environment": environment.value},
        applies=lambda agent: not agent.is_published,
        confirm=ask,
    )


def _ask_to_delete(agent: Agent) -> Confirmation:
    return Confirmation(
        f"Delete {agent.name}?",
        "Delete agent",
        "It answers nobody any more, and can be restored.",
        keep="Keep",
    )


COMMANDS = (
    AgentCommand("Edit {}", "agents.edit", permission=AGENTS_WRITE),
    AgentCommand(
        "Pause {}",
        "agents.pause",
        permission=AGENTS_WRITE,
        fields={"paused": "true"},
        applies=lambda agent: not agent.paused,
        stays=True,
    ),
    AgentCommand(
        "Resume {}",
        "agents.pause",
        permission=AGENTS_WRITE,
        fields={"paused": "false"},
        applies=lambda agent: agent.paused,
        stays=True,
    ),
    *(_publishing(environment) for environment in Environment),
    AgentCommand("Duplicate {}", "agents.duplicate", permission=AGENTS_WRITE, fields={}),
    AgentCommand(
        "Delete {}",
        "agents.destroy",
        permission=AGENTS_WRITE,
        fields={},
        confirm=_ask_to_delete,
    ),
)
