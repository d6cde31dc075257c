"""How an entry of the audit reads on a page: "published the agent", "API key"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webapp.audit.models import AuditEntry
from webapp.core.feature import contributions


@dataclass(frozen=True)
class Wording:
    """A feature's words: its actions as past tenses that an object follows, its things as nouns.

    `links` has the page of a thing as (endpoint, argument), which takes its id, or its name where
    the thing is among `linked_by_name`; `aside(entry)` says what else is worth a glance; entries
    about oneself (`alone`) name nobody.
    """

    past: Mapping[str, str] = field(default_factory=dict)
    nouns: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    linked_by_name: tuple[str, ...] = ()
    aside: Callable[[AuditEntry], str] | None = None
    alone: tuple[str, ...] = ()


#: what more than one feature does to its things
COMMON = Wording(past={"create": "created", "delete": "deleted", "update": "changed"})


def verb(entry: AuditEntry) -> str:
    """What was done, as a past tense that its object follows."""
    for words in _all():
        if entry.action in words.past:
            return words.past[entry.action]
    return entry.action.replace("_", " ")


def actions() -> dict[str, str]:
    """Every action that has words, with them, in the order of the words."""
    words = {action: past for each in _all() for action, past in each.past.items()}
    return dict(sorted(words.items(), key=lambda pair: pair[1]))


def noun(entry: AuditEntry) -> str:
    """What kind of thing it was done to; nothing where the verb says it all."""
    if any(entry.action in words.alone for words in _all()):
        return ""
    for words in _all():
        if entry.subject_type in words.nouns:
            return words.nouns[entry.subject_type]
    return entry.subject_type


def link(entry: AuditEntry) -> tuple[str, dict[str, Any]] | None:
    """Endpoint and arguments of the thing's page, where it has one and is still there."""
    if entry.action in ("delete", "remove"):
        return None
    for words in _all():
        if entry.subject_type in words.links:
            endpoint, argument = words.links[entry.subject_type]
            is_named = entry.subject_type in words.linked_by_name
            return endpoint, {argument: entry.subject_name if is_named else entry.subject_id}
    return None


def aside(entry: AuditEntry) -> str:
    """What else is worth a glance."""
    asides = (words.aside(entry) for words in _all() if words.aside)
    return next((text for text in asides if text), "")


def _all() -> list[Wording]:
    return [COMMON, *contributions(Wording)]
