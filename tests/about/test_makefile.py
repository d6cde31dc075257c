"""Every habit that the Makefile names is one."""

from __future__ import annotations

import re
import subprocess

import pytest
from apiflask import APIFlask

from tests.server import ROOT

pytestmark = pytest.mark.once

MAKEFILE = (ROOT / "Makefile").read_text()
PHONY = next(line for line in MAKEFILE.splitlines() if line.startswith(".PHONY:")).split()[1:]


@pytest.mark.parametrize("name", PHONY)
def test_every_phony_target_has_a_rule(name: str) -> None:
    assert re.search(rf"^[\w -]*\b{name}\b[\w -]*:", MAKEFILE, re.MULTILINE)


def test_make_helps() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = {line.split()[1] for line in said.splitlines()}
    assert named >= set(PHONY) - {"on-sqlite", "on-postgresql"}


def test_seeding_before_the_setup_says_what_to_do(app: APIFlask) -> None:
    said = app.test_cli_runner().invoke(args=["seed"]).output
    assert said == (
        "There is no organization yet: open the link that `make run` prints, make your account, "
        "and seed again.\n"
    )


def test_a_benchmark_prints_its_table_and_keeps_the_log_apart() -> None:
    for name in ("bench", "bench-pages"):
        (rule,) = re.findall(rf"^{name}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
        assert rule.startswith("\t@"), "make would print its own command."
        assert "2>bench.log" in rule
    # What the retrieval is compared with comes by the rule, too.
    assert "bench: $(VENV)/.installed-bench" in MAKEFILE
    assert "bm25s" in (ROOT / "requirements-bench.txt").read_text()
