"""The feature that CONTRIBUTING.md describes works when its words are followed to the letter."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
#: a path alone on its line, then what is in the file or what changes in it
BLOCK = re.compile(r"^```(python|html|diff)\n(.*?)^```$", re.M | re.S)
PATH = re.compile(r"^`((?:webapp|templates|tests|migrations|docs)/[\w/.]+)`:$", re.M)
WORKED = TEXT[: TEXT.index("### 11.")]


def blocks() -> list[tuple[str, str, str]]:
    """Path, language and text of every block, in their order."""
    named = [(match.start(), match[1]) for match in PATH.finditer(WORKED)]
    return [
        ([path for start, path in named if start < match.start()][-1], match[1], match[2])
        for match in BLOCK.finditer(WORKED)
    ]


def apply_change(path: Path, change: str) -> str:
    """A change without line numbers: the lines that stay must stand there once."""
    text = path.read_text()
    lines = change.splitlines()
    old = "\n".join(line[1:] for line in lines if line[0] in " -")
    new = "\n".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(old) == 1, (
        f"CONTRIBUTING.md changes lines of {path.name} that stand there {text.count(old)} times. "
        f"Let it name lines that do:\n{old}"
    )
    return text.replace(old, new)


def write_feature(place: Path) -> list[str]:
    """Do in `place` what CONTRIBUTING.md says; the paths of the files that it makes."""
    known = sorted(path.name[:4] for path in (place / "migrations" / "versions").glob("[0-9]*.py"))
    number = f"{int(known[-1]) + 1:04}"
    made = []
    for name, language, text in blocks():
        name = name.replace("NNNN", number)
        text = text.replace("NNNN", number).replace("the number before it", known[-1])
        path = place / name
        path.parent.mkdir(exist_ok=True)
        if language == "diff":
            text = apply_change(path, text)
        else:
            assert not path.exists(), name
            made.append(name)
        path.write_text(text)
    return made


@pytest.mark.once
def test_the_feature_of_the_example_works_and_touches_nothing_else(tmp_path: Path) -> None:
    for name in ("findings", "static", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("webapp", "templates", "tests", "migrations", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "wsgi.py", "gunicorn.conf.py", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    made = write_feature(tmp_path)
    assert {name.split("/")[0] for name in made} == {"webapp", "templates", "tests", "migrations"}
    code = [name for name in made if name.endswith(".py")]
    run(tmp_path, "-m", "ruff", "check", "--quiet", *code)
    run(tmp_path, "-m", "ruff", "format", "--check", "--quiet", *code)
    run(
        tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", f"{tmp_path}/run",
        "tests/notes", "tests/about/test_openapi.py", "tests/about/test_imports.py",
        "tests/about/test_routes.py",
        "tests/about/test_migrations.py::test_migrations_go_up_down_and_up_and_match_the_models",
        "tests/about/test_docs.py::test_every_feature_has_a_line_in_the_architecture",
        "tests/core/test_permissions.py",
        "tests/core/test_retention.py::test_every_table_is_forgotten_or_does_not_grow_by_itself",
        "tests/about/test_queries.py",
    )  # fmt: skip


def run(place: Path, *arguments: str) -> None:
    ours = {"TEST_DATABASE": "sqlite", "PYTHONPATH": str(place), "UPDATE_QUERIES": "yes"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=place, timeout=600, capture_output=True, text=True,
        env=os.environ | ours,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
