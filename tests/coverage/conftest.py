"""What the tests of coverage have before them."""

from __future__ import annotations

import pytest

from tests.coverage.physics import Ids, grow
from webapp.core.actor import Actor


@pytest.fixture
def ids(alice: Actor) -> Ids:
    return grow(alice, ["Physics", "Wings"], ["Physics", "Heat"], ["Cooking"], target=4)
