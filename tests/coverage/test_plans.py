"""How the databases find topics for pages about one version: they read the rows of no other."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from tests.browser import Browser
from tests.coverage.physics import make_agent
from tests.factories import make_large_taxonomy
from webapp.core.actor import Actor
from webapp.core.database.transactions import refresh_statistics
from webapp.core.extensions import db

VERSIONS = [f"{number}.0.0" for number in range(1, 11)]


@pytest.fixture
def versions(alice: Actor) -> None:
    """Ten versions of 620 topics, and an agent that knows about all of the first."""
    for version in VERSIONS:
        ids = make_large_taxonomy(alice, version=version, roots=20, branches=3, leaves=9)
        if version == "1.0.0":
            make_agent(alice, *(ids[f"Area {number}"] for number in range(20)))
    for table in ("taxonomy_nodes", "taxonomy_edges", "taxonomy_closure", "node_stats"):
        refresh_statistics(table)
    db.session.commit()


def steps_of(browser: Browser, path: str) -> list[str]:
    """The steps of the plans of a page's statements about topics."""
    statements: list[tuple[str, Any]] = []
    note = lambda *arguments: statements.append(arguments[2:4])
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        browser.get(path)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if db.engine.dialect.name == "sqlite" else "EXPLAIN"
    steps = []
    with db.engine.connect() as connection:
        for statement, values in statements:
            if statement.startswith("SET LOCAL"):
                connection.exec_driver_sql(statement)
            if statement.startswith(("SELECT", "WITH")) and "taxonomy_nodes" in statement:
                rows = connection.exec_driver_sql(f"{explain} {statement}", values)
                steps += [str(row[-1]).strip() for row in rows]
    assert steps
    return steps


def scans_of(steps: list[str]) -> list[str]:
    """What is read as a whole of the table of topics, whichever version they are in."""
    scan = "SCAN " if db.engine.dialect.name == "sqlite" else "Seq Scan on "
    found = [step.split(scan)[1] for step in steps if scan in step]
    names = ("taxonomy_nodes", "before", "after", "free", "owner", "twin")
    return [name for name in found if name.startswith(names)]


@pytest.mark.usefixtures("versions")
def test_coverage_reads_topics_of_its_version_alone(browser: Browser) -> None:
    assert scans_of(steps_of(browser, "/agents/physicist/coverage")) == []


@pytest.mark.usefixtures("versions")
def test_the_preview_of_a_move_reads_topics_of_its_versions_alone(browser: Browser) -> None:
    steps = steps_of(browser, "/taxonomies/2.0.0/move?start=1.0.0")
    assert scans_of(steps) == []
    # Who has the path of a topic is asked of those alone that have a changed one's label.
    assert [step for step in steps if "namesakes" in step]
