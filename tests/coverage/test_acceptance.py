"""Every requirement is a line of `acceptance.md`, which names tests that are there.

See docs/contract/knowledge.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.acceptance import assert_its_tests_are_there, lines_of

HERE = Path(__file__).parent
TEXT = (HERE / "acceptance.md").read_text()
LINES = lines_of(TEXT)
COUNTS = {"U": 10, "E": 15, "S": 12, "O": 5, "C": 15}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[2:50])
def test_the_line_names_tests_that_are_there(line: str) -> None:
    assert_its_tests_are_there(line, HERE)


def test_no_requirement_is_left_out() -> None:
    named = set(re.findall(r"\b([UESOC])-REQ-(\d{3})\b", TEXT))
    asked = {(kind, f"{n:03}") for kind, count in COUNTS.items() for n in range(1, count + 1)}
    assert named == asked
