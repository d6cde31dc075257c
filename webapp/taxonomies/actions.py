"""TaxonomyAction: what a feature below does with a version of a taxonomy."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from webapp.core.feature import contributions
from webapp.taxonomies.models import Taxonomy


@dataclass(frozen=True)
class TaxonomyAction:
    """A link on a version's page, for admins; its label ends with the version.

    The endpoint takes the `version`.
    """

    label: str
    endpoint: str


def taxonomy_actions(taxonomy: Taxonomy) -> list[tuple[str, str]]:
    """Label and address of each link."""
    return [
        (f"{action.label} {taxonomy.version}", url_for(action.endpoint, version=taxonomy.version))
        for action in contributions(TaxonomyAction)
    ]
