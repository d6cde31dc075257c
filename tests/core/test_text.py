"""Texts as lists sort them, and as the keys of lists are searched."""

from __future__ import annotations

import pytest

from webapp.core.database.text import beginnings, order_key

NAMES = [
    "Area", "Area 1", "Area 01", "Area 001", "Area 2", "Area 2 b", "Area 2.9", "Area 2.10",
    "Area 10", "Area 12345678", "Area 123456789", "Area-51", "Ärea 1", "AREA 3", "2 Areas",
    "Area x1y", "1", "Stra\N{LATIN SMALL LETTER SHARP S}\N{COMBINING ACUTE ACCENT}e 12",
]  # fmt: skip


def test_numbers_are_sorted_as_people_count() -> None:
    names = ["area 10", "Area 2.10", "Area 9", "Area 2.9", "AREA 1", "Area", "Area 2"]
    assert sorted(names, key=lambda name: order_key(name, 255)) == [
        "Area", "AREA 1", "Area 2", "Area 2.9", "Area 2.10", "Area 9", "area 10",
    ]  # fmt: skip
    assert order_key("Area 123456789", 255) == "area 123456789"
    assert order_key("Area 7", 8) == "area 000"


@pytest.mark.parametrize("limit", [255, 12])
def test_whoever_types_the_beginning_of_a_name_finds_it(limit: int) -> None:
    for name in NAMES:
        key = order_key(name, limit)
        for length in range(1, len(name) + 1):
            begun = beginnings(name[:length], limit)
            assert any(key.startswith(beginning) for beginning in begun), (name, length, begun)
            assert len(begun) <= 8


def test_names_that_begin_otherwise_are_hardly_found() -> None:
    def found(typed: str) -> list[str]:
        begun = tuple(beginnings(typed, 255))
        return [name for name in NAMES if order_key(name, 255).startswith(begun)]

    assert found("area 2 ") == ["Area 2 b"]
    assert found("area 3") == ["AREA 3"]
    # A zero in front says nothing to the order, and so finds a little more.
    assert found("area 1") == [
        "Area 1", "Area 01", "Area 001", "Area 10", "Area 12345678", "Area 123456789",
    ]  # fmt: skip
    assert found("area 2.1") == ["Area 2.10"]
