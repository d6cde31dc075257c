"""Ids that come one after the other stand so, and are nobody else's."""

from __future__ import annotations

import time
from uuid import RFC_4122

from webapp.core.ids import uuid7


def test_ids_are_in_the_order_of_their_making() -> None:
    before = time.time_ns() // 1_000_000
    ids = []
    for _ in range(50):
        ids.append(uuid7())
        time.sleep(0.00001)
    after = time.time_ns() // 1_000_000
    assert ids == sorted(ids)
    assert all(before <= each.int >> 80 <= after for each in ids)
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}


def test_ids_of_one_moment_differ() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000
