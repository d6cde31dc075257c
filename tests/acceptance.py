"""Files `acceptance.md`: what must be true, each line with the tests that hold it."""

from __future__ import annotations

import re
from pathlib import Path


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("- ")]


def assert_its_tests_are_there(line: str, folder: Path) -> None:
    """At least one test is named, as `file.py::test_name`, and each is in its file."""
    names = re.findall(r"`((?:\.\./)?[\w/]+\.py)::(\w+)`", line)
    assert names
    for file, name in names:
        assert f"def {name}(" in (folder / file).read_text(), (file, name)
