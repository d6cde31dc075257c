"""How the databases find topics for pages about one version: they read the rows of no other."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from tests.browser import Browser
from tests.coverage.physics import make_agent
from tests.factories import make_large_taxonomy
from webapp.core.actor import Actor
from webapp.core.extensions import db

VERSIONS = ("1.0.0", "2.0.0", "3.0.0", "4.0.0")


@pytest.fixture
def versions(alice: Actor) -> None:
    """Four versions of 1,860 topics, and an agent that knows about all of one."""
    for version in VERSIONS:
        ids = make_large_taxonomy(alice, version=version, roots=20, branches=3, leaves=29)
        if version == "1.0.0":
            make_agent(alice, *(ids[f"Area {number}"] for number in range(20)))
    db.session.execute(text("ANALYZE"))
    db.session.commit()


def scans_of(browser: Browser, path: str) -> list[str]:
    """The steps of plans in which the database reads all topics, of whichever version."""
    statements: list[tuple[str, Any]] = []
    note = lambda *arguments: statements.append(arguments[2:4])
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        browser.get(path)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    is_sqlite = db.engine.dialect.name == "sqlite"
    explain, scan = ("EXPLAIN QUERY PLAN", "SCAN ") if is_sqlite else ("EXPLAIN", "Seq Scan on ")
    steps = []
    with db.engine.connect() as connection:
        for statement, values in statements:
            if statement.startswith(("SELECT", "WITH")) and "taxonomy_nodes" in statement:
                rows = connection.exec_driver_sql(f"{explain} {statement}", values)
                steps += [str(row[-1]).strip() for row in rows]
    found = [step.split(scan)[1].split(" (")[0] for step in steps if scan in step]
    assert steps
    return [step for step in found if step.startswith("taxonomy_nodes")]


@pytest.mark.usefixtures("versions")
def test_coverage_reads_topics_of_its_version_alone(browser: Browser) -> None:
    assert scans_of(browser, "/agents/physicist/coverage") == []
