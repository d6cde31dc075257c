"""Numbers with their nouns, and sizes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from webapp.core.counts import counted, local, percent, plural, size

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 topics"), (1, "1 topic"), (2, "2 topics"), (1204, "1,204 topics")]
)
def test_a_noun_agrees_with_its_number(count: int, told: str) -> None:
    assert counted(count, "topic") == told


def test_a_noun_may_have_another_plural() -> None:
    assert counted(2, "branch", "branches") == "2 branches"
    assert plural(1, "is", "are") == "is"


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (755, "755 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
    ],
)
def test_a_size_has_its_unit(count: int, told: str) -> None:
    assert size(count) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0 %"), (0.01, "0.1 %"), (12.34, "12.3 %"), (40.0, "40 %"), (87.5, "87.5 %"),
     (99.96, "99.9 %"), (100.0, "100 %"), (100 * 0.29, "29 %")],
)  # fmt: skip
def test_a_percentage_reads_the_same_everywhere(value: float, told: str) -> None:
    assert percent(value) == told


def test_plurals_are_made_in_one_place() -> None:
    """What is made by hand is forgotten on the next page."""
    by_hand = re.compile(r"""\|filesizeformat|if [^%}]* == 1 else ["'][a-z]*s["']""")
    files = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("webapp/**/*.py")]
    assert [str(path.relative_to(ROOT)) for path in files if by_hand.search(path.read_text())] == []


def test_numbers_of_a_text_are_marked_for_who_writes_them_otherwise() -> None:
    assert local("1,204 topics in 0.5 ms") == (
        '<data value="1204">1,204</data> topics in <data value="0.5">0.5</data> ms'
    )
    assert local("87.5 %") == '<data value="87.5">87.5</data> %'
    # What all write alike stays as it is, and what is no markup is none.
    assert local("12 of <b> & 3") == "12 of &lt;b&gt; &amp; 3"
