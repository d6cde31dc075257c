"""Two versions of a taxonomy, of which the newer has some topics at other places."""

from __future__ import annotations

import pytest

from tests.coverage.moves.versions import Ids, grow
from webapp.core.actor import Actor


@pytest.fixture
def old(alice: Actor) -> Ids:
    return grow(alice, "1.0.0", "Physics > Heat", "Physics > Wings", "Machines", "Alchemy")


@pytest.fixture
def new(alice: Actor, old: Ids) -> Ids:
    """Heat stays, Wings hang elsewhere, Machines are called otherwise, Alchemy is gone."""
    return grow(alice, "2.0.0", "Physics > Heat", "Flight > Wings", "Engines", "Chemistry")
