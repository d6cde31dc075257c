"""What a feature below does with versions of a taxonomy and with topics, and counts of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import url_for

from webapp.core.feature import contributions
from webapp.taxonomies.models import Taxonomy


@dataclass(frozen=True)
class Reason:
    """Why an action is due, as a sentence, and what its address has besides the version."""

    sentence: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class TaxonomyAction:
    """A link on a version's page, for who may write knowledge; its label ends with the version.

    The endpoint takes the `version`. `find_reason(version, older)` says why the action is due, the
    highest of the older versions first; None where it is not.
    """

    label: str
    endpoint: str
    find_reason: Callable[[Taxonomy, Sequence[Taxonomy]], Reason | None] | None = None


@dataclass(frozen=True)
class TopicPage:
    """The page that lists what is about a topic or one below it; it takes `node`, an id."""

    endpoint: str


@dataclass(frozen=True)
class DocumentCount:
    """Documents about a topic or one below it; `number` is the most there can be, or exact."""

    number: int
    is_exact: bool


@dataclass(frozen=True)
class TopicDocuments:
    """What counts documents: by the ids of topics (not public ones), those that have some."""

    count: Callable[[Sequence[UUID]], dict[UUID, DocumentCount]]


def count_documents(node_ids: Sequence[UUID]) -> dict[UUID, DocumentCount]:
    """Of each topic that has documents, itself or below it; empty where no feature counts."""
    counter = next(iter(contributions(TopicDocuments)), None)
    return counter.count(node_ids) if counter and node_ids else {}


def topic_url(node_id: UUID) -> str:
    """Where what is about a topic is listed; empty where no feature does."""
    page = next(iter(contributions(TopicPage)), None)
    return url_for(page.endpoint, node=node_id) if page else ""


def due_actions(taxonomy: Taxonomy, versions: Sequence[Taxonomy]) -> list[tuple[str, str, str]]:
    """Sentence, label and address of each action that is due; `versions` from the highest on."""
    ids = [item.id for item in versions]
    older = versions[ids.index(taxonomy.id) + 1 :] if taxonomy.id in ids else []
    found = []
    for action in contributions(TaxonomyAction):
        reason = action.find_reason(taxonomy, older) if action.find_reason and older else None
        if reason is not None:
            href = url_for(action.endpoint, version=taxonomy.version, **reason.arguments)
            found.append((reason.sentence, f"{action.label} {taxonomy.version}", href))
    return found


def taxonomy_actions(taxonomy: Taxonomy) -> list[tuple[str, str]]:
    """Label and address of each link."""
    return [
        (f"{action.label} {taxonomy.version}", url_for(action.endpoint, version=taxonomy.version))
        for action in contributions(TaxonomyAction)
    ]
