"""Topics that want four documents each, and an agent that knows about some of them."""

from __future__ import annotations

import pytest

from tests.coverage.physics import Ids, grow
from tests.factories import make_document
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest


@pytest.fixture
def ids(alice: Actor) -> Ids:
    return grow(
        alice, ["Physics"], ["Physics", "Wings"], ["Physics", "Heat"], ["Cooking"], target=4
    )


@pytest.fixture
def physicist(alice: Actor, ids: Ids) -> Agent:
    """Knows about physics, with two documents about wings and none about the rest."""
    for title in ("Lift", "Drag"):
        make_document(alice, title=title, nodes=[ids["Wings"]])
    body = FromTaxonomyRequest(name="Physicist", taxonomy_node_ids=[ids["Physics"]])
    return scopes.create_agent(body, actor=alice)
