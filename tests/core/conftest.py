"""Sockets of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.cast import Cast
from tests.follower import Follower


@pytest.fixture
def connect(cast: Cast) -> Iterator[Callable[..., Follower]]:
    opened: list[Follower] = []

    def connect(name: str, path: str) -> Follower:
        opened.append(Follower(cast, name, path))
        return opened[-1]

    yield connect
    for follower in opened:
        follower.close()
