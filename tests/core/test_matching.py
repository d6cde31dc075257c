"""The order in which the palette shows what somebody may mean."""

from __future__ import annotations

import pytest

from webapp.core.matching import best, rank


@pytest.mark.parametrize(
    ("typed", "name", "expected"),
    [
        ("", "Triage Agent", 0),
        ("triage AGENT", "Triage Agent", 0),
        ("triage", "Triage Agent", 1),
        ("tri", "Triage Agent", 2),
        ("delete", "Delete Triage Agent", 1),
        ("delete", "Deleted documents", 2),
        ("tri ag", "Triage Agent", 3),
        ("coverage", "Refresh coverage of Guide", 3),
        ("agent tri", "Triage Agent", 4),
        ("ta", "Triage Agent", 5),
        ("iage", "Triage Agent", 6),
        ("tgnt", "Triage Agent", 7),
        ("tgt", "Triage Agent", 7),
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
    assert [name for name, _ in found] == ["Tea", "Late", "Tea bag", "Team"]
