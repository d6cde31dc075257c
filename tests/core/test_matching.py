"""The order in which the palette shows what somebody may mean."""

from __future__ import annotations

import pytest

from webapp.core.matching import best, rank


@pytest.mark.parametrize(
    ("typed", "name", "expected"),
    [
        ("", "Triage Agent", 0),
        ("triage AGENT", "Triage Agent", 0),
        ("tri", "Triage Agent", 1),
        ("tri ag", "Triage Agent", 2),
        ("coverage", "Refresh coverage of Guide", 2),
        ("agent tri", "Triage Agent", 3),
        ("ta", "Triage Agent", 4),
        ("iage", "Triage Agent", 5),
        ("tgnt", "Triage Agent", 6),
        ("tgt", "Triage Agent", 6),
        ("GRÖSSE", "Größe", 0),
        ("tg", "Triage Agent", None),
        ("tnegt", "Triage Agent", None),
        ("iagt", "Triage Agent", None),
        ("x", "", None),
        ("c++", "C++ Helper", 1),
    ],
)
def test_a_name_fits_better_the_more_of_it_is_typed_as_it_is(
    typed: str, name: str, expected: int | None
) -> None:
    assert rank(typed, name) == expected


def test_the_best_come_first_by_any_of_their_names_and_equals_as_they_came() -> None:
    things = [("Late", "tea-2"), ("Steady", "x"), ("Tea", "y"), ("Team", "z"), ("Tea bag", "w")]
    found = best("tea", things, lambda thing: thing, limit=4)
    assert [name for name, _ in found] == ["Tea", "Late", "Team", "Tea bag"]
