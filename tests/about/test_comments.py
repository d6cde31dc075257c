"""A rule that is silenced at one place says why it does not hold there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SILENCED = re.compile(
    r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\])(?P<reason>.*)"
    r"|(?:biome-ignore [\w/]+:|stylelint-disable[\w-]* [\w/, -]+ --)(?P<other_reason>.*)"
)
FOLDERS = ("webapp", "tests", "bench", "tools", "static/js", "static/css")


def test_what_silences_a_check_gives_its_reason() -> None:
    files = [*ROOT.glob("*.py"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*.*"))]
    silenced = [
        (f"{path.relative_to(ROOT)}:{number}", found["reason"] or found["other_reason"] or "")
        for path in files
        if path.suffix in (".py", ".js", ".mjs", ".css")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := SILENCED.search(line))
    ]
    assert len(silenced) > 50
    assert [place for place, reason in silenced if not re.search(r"\w", reason)] == []
