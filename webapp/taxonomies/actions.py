"""What a feature below does with versions of a taxonomy and with topics, and counts of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import url_for

from webapp.core.feature import contributions
from webapp.taxonomies.models import Taxonomy


@dataclass(frozen=True)
class TaxonomyAction:
    """A link on a version's page, for who may write knowledge; its label ends with the version.

    The endpoint takes the `version`.
    """

    label: str
    endpoint: str


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


def taxonomy_actions(taxonomy: Taxonomy) -> list[tuple[str, str]]:
    """Label and address of each link."""
    return [
        (f"{action.label} {taxonomy.version}", url_for(action.endpoint, version=taxonomy.version))
        for action in contributions(TaxonomyAction)
    ]
