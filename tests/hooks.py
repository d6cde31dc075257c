"""What runs on which database, and what a failure shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain

import pytest

from tests.server import Installation

#: lines shown of what a test and its processes have written
LINES_SHOWN = 60


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run once, with SQLite, what asks for no database or is marked to mean the same on any.

    Of the journeys these are the most: they look at what scripts and styles make of pages, whose
    queries others ask of both databases. Those that wait for a push, a worker or a first start
    are run on both, because each database has its own way to tell of a change.
    """
    if os.environ.get("TEST_DATABASE", "sqlite") == "sqlite":
        return
    once = [item for item in items if _is_for_once(item)]
    config.hook.pytest_deselected(items=once)
    items[:] = [item for item in items if item not in once]


def _is_for_once(item: pytest.Item) -> bool:
    asks_for = getattr(item, "fixturenames", ())
    return "database_url" not in asks_for or item.get_closest_marker("once") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Iterator[None]:
    """Show the end of what was written, of the installation's processes too."""
    report: pytest.TestReport = yield  # type: ignore[misc, assignment]  # as wrappers get it
    if report.failed:
        report.sections = [(title, _end(text)) for title, text in report.sections]
        given = getattr(item, "funcargs", {}).values()
        for thing in chain.from_iterable(
            one if isinstance(one, tuple) else (one,) for one in given
        ):
            if isinstance(thing, Installation) and thing.log.exists():
                report.sections.append(("The installation's log", _end(thing.output())))
    return report  # type: ignore[return-value]  # as wrappers give it back


def _end(text: str) -> str:
    lines = text.splitlines()
    left_out = len(lines) - LINES_SHOWN
    said = [f"… {left_out:,} lines before"] if left_out > 0 else []
    return "\n".join([*said, *lines[-LINES_SHOWN:]])
