"""The requirements that comments refer to are in `docs/contract`, for everybody to read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "docs" / "contract"
FILES = [
    path
    for folder in ("webapp", "tests", "templates", "bench")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".html", ".md") and path.resolve() != Path(__file__).resolve()
]
ID = r"(?:[A-Z]-REQ-\d{3}|\d+\.\d+|[a-z][a-z_-]+)"
#: `docs/contract/knowledge.md, S-REQ-010 and E-REQ-015`, a file alone, or one with what it is about
CITED = re.compile(
    rf"docs/contract/(\w+)\.md(?:, ({ID})(?:\s+and\s+({ID})(?=[),.;:]))?(?=[\s),.;:]))?"
)
#: how it was cited before: by pages that are not here
OUTSIDE = re.compile(r"[Ss]pec[ _]?[1-5]|\bfacts\.md|\b[Aa]pi\.md, |\(api\.md, |; api\.md")


def ids(name: str) -> set[str]:
    """What a page of the contract has: the bold words that its lines begin with."""
    return set(re.findall(r"^\* \*\*([^*]+)\*\*", (CONTRACT / f"{name}.md").read_text(), re.M))


def citations() -> list[tuple[str, str, str]]:
    return [
        (str(path.relative_to(ROOT)), found[1], cited)
        for path in FILES
        for found in CITED.finditer(path.read_text())
        for cited in (found[2], found[3])
        if cited
    ]


def test_every_cited_requirement_is_there() -> None:
    cited = citations()
    assert len(cited) > 30
    assert not [one for one in cited if one[2] not in ids(one[1])]


def test_every_cited_page_is_there() -> None:
    named = {found[1] for path in FILES for found in CITED.finditer(path.read_text())}
    assert {f"{name}.md" for name in named} <= {path.name for path in CONTRACT.iterdir()}


@pytest.mark.parametrize("name", ["http", "agents", "versions", "knowledge", "executions"])
def test_no_id_is_given_twice(name: str) -> None:
    lines = re.findall(r"^\* \*\*([^*]+)\*\*", (CONTRACT / f"{name}.md").read_text(), re.M)
    assert len(lines) == len(set(lines))


def test_nothing_cites_a_page_that_is_not_here() -> None:
    files = [*FILES, *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    assert not [str(path) for path in files if OUTSIDE.search(f"{path.name} {path.read_text()}")]
