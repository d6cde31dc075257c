"""Taxonomy: the topics of an organization in versions, each a graph of nodes without circles.

A scope is a set of topics, with the counts of the documents below them.
"""

from __future__ import annotations

from webapp.audit.wording import Wording
from webapp.core.feature import Feature
from webapp.core.navigation import PalettePage, SectionPages
from webapp.taxonomies import api, editing, pages, permissions
from webapp.taxonomies.actions import due_actions, taxonomy_actions, topic_url
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

pages.bp.add_app_template_global(due_actions)
pages.bp.add_app_template_global(taxonomy_actions)
pages.bp.add_app_template_global(topic_url)

FEATURE = Feature(
    blueprints=(pages.bp, api.bp),
    contributions=(
        *permissions.PERMISSIONS,
        SectionPages("Documents", ("taxonomies",)),
        PalettePage("Taxonomies", "taxonomies.index", words=("taxonomy", "topics")),
        PalettePage("Add a taxonomy", "taxonomies.new", permission=KNOWLEDGE_WRITE),
        Wording(
            past={"grow": "added topics to"},
            links={"taxonomy": ("taxonomies.show", "version")},
            linked_by_name=("taxonomy",),
            aside=editing.describe_edit,
        ),
    ),
)
