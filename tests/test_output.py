"""What a run of the tests prints can be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.hooks import LINES_SHOWN
from tests.server import ROOT

#: on PostgreSQL, with threads that still follow it when it stops
SOME = "tests/core/test_broadcaster.py"


def run(command: list[str], **environment: str) -> list[str]:
    """The lines that a command prints."""
    # This run's own plugins and its make have told the environment about themselves.
    known = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "MAKE", "MFLAGS"))
    }
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=known | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    return done.stdout.splitlines()


def test_a_run_that_passes_says_little_and_nothing_of_the_databases_log(tmp_path: Path) -> None:
    one_process = ["TWO_AT_ONCE=", f"BIN={Path(sys.executable).parent}"]
    options = f"-p no:cacheprovider --basetemp={tmp_path / 'inner'} {SOME}"
    lines = run(["make", "on-postgresql", *one_process], PYTEST_ADDOPTS=options)
    assert lines[0] == "Tests on postgresql:"
    assert " passed" in lines[-1], lines[-20:]
    assert len(lines) < 40
    said = "\n".join(lines)
    for noise in ("LOG:", "FATAL", "pg_ctl", "unreadable"):
        assert noise not in said


def test_a_failure_shows_the_end_of_what_was_written(tmp_path: Path) -> None:
    test = tmp_path / "test_noisy.py"
    test.write_text(
        "import logging, sys\n"
        "def test_that_fails():\n"
        "    for number in range(5_000):\n"
        "        print('out', number)\n"
        "        print('err', number, file=sys.stderr)\n"
        "        logging.error('log %s', number)\n"
        "    assert False\n"
    )
    lines = run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "tests.hooks",
         "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(test)],
    )  # fmt: skip
    assert "1 failed" in lines[-1]
    assert len(lines) < 3 * LINES_SHOWN + 50
    assert {"out 4999", "err 4999"} < set(lines)
    assert lines.count("… 4,940 lines before") == 3
