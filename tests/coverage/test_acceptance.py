"""Every requirement is a line of `acceptance.md`, which names tests that are there.

See docs/contract/knowledge.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TEXT = (HERE / "acceptance.md").read_text()
LINES = [line for line in TEXT.splitlines() if line.startswith("- ")]
COUNTS = {"U": 10, "E": 15, "S": 12, "O": 5, "C": 15}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[2:50])
def test_the_line_names_tests_that_are_there(line: str) -> None:
    names = re.findall(r"`((?:\.\./)?[\w/]+\.py)::(\w+)`", line)
    assert names
    for file, name in names:
        assert f"def {name}(" in (HERE / file).read_text(), (file, name)


def test_no_requirement_is_left_out() -> None:
    named = set(re.findall(r"\b([UESOC])-REQ-(\d{3})\b", TEXT))
    asked = {(kind, f"{n:03}") for kind, count in COUNTS.items() for n in range(1, count + 1)}
    assert named == asked
