"""Every line of `acceptance.md` names tests that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance import assert_its_tests_are_there, lines_of

HERE = Path(__file__).parent
LINES = lines_of((HERE / "acceptance.md").read_text().split("## Not here yet")[0])


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[2:50])
def test_the_line_names_tests_that_are_there(line: str) -> None:
    assert_its_tests_are_there(line, HERE)
