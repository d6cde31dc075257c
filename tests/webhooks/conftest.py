from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.webhooks import receiving
from tests.webhooks.receiving import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.close()


@pytest.fixture
def pauses() -> list[float]:
    """The seconds between attempts, which no test waits for."""
    receiving.waited.clear()
    return receiving.waited
