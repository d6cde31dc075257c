"""Every line of `acceptance.md` names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LINES = [
    line
    for line in (HERE / "acceptance.md").read_text().split("## Not here yet")[0].splitlines()
    if line.startswith("- ")
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[2:50])
def test_the_line_names_tests_that_are_there(line: str) -> None:
    names = re.findall(r"`((?:\.\./)?[\w/]+\.py)::(\w+)`", line)
    assert names
    for file, name in names:
        assert f"def {name}(" in (HERE / file).read_text(), (file, name)
