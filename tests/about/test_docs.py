"""What the documents for engineers name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
FOR_ENGINEERS = [
    ROOT / "CONTRIBUTING.md", ROOT / "STYLE.md", ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "adr" / "README.md", *ADRS,
]  # fmt: skip
#: `core/feature.py`, `docs/errors.md`, `tests/core/` and such, but not `files/NAME.sh`
NAMED = re.compile(r"`((?:[a-z_]+/)+[\w.]*\w)/?`")
#: what is written in the example of CONTRIBUTING.md, and folders that are made by running
NOT_THERE = re.compile(r".*\bnotes\b.*|migrations/versions/NNNN.*")


@pytest.mark.parametrize("path", FOR_ENGINEERS, ids=lambda path: path.name)
def test_every_file_and_every_page_that_is_named_is_there(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    for name in NAMED.findall(text):
        places = (ROOT / name, ROOT / "webapp" / name, ROOT / "templates" / name)
        assert NOT_THERE.match(name) or any(place.exists() for place in places), name
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / target).exists(), target


def test_the_architecture_can_be_read_in_a_quarter_of_an_hour() -> None:
    assert len((ROOT / "docs" / "architecture.md").read_text().splitlines()) <= 200


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_a_decision_is_short_numbered_and_listed(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {int(path.name[:4])}. ")
    assert len(text.splitlines()) <= 40
    assert "2026-" in text.splitlines()[2], "When was it decided?"
    assert f"({path.name})" in (ROOT / "docs" / "adr" / "README.md").read_text()


def test_every_feature_has_a_line_in_the_architecture() -> None:
    from webapp import FEATURES

    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    listed = [found[1] for line in lines if (found := re.match(r"\| `(\w+)` \| \w", line))]
    assert [name for name in listed if name in FEATURES] == list(FEATURES)
