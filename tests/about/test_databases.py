"""The databases of the tests themselves: two runs on one machine do not meet."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from tests.cast import Cast
from tests.database import empty_tables
from webapp.core.extensions import db


def test_the_server_stands_outside_of_pytests_folders(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    host = make_url(database_url).query.get("host")
    if host is None:
        pytest.skip("SQLite is a file in there, and nobody else's.")
    assert tmp_path_factory.getbasetemp() not in Path(str(host)).parents
    assert len(f"{host}/.s.PGSQL.5432") < 100


def test_nothing_waits_for_the_disk(cast: Cast) -> None:
    is_sqlite = db.engine.dialect.name == "sqlite"
    asked = "PRAGMA synchronous" if is_sqlite else "SHOW fsync"
    assert db.session.scalar(text(asked)) in (0, "off")


def test_every_table_is_emptied(cast: Cast) -> None:
    empty_tables(db.session(), db.metadata)
    tables = db.metadata.sorted_tables
    assert len(tables) > 20
    for table in tables:
        assert db.session.scalar(text(f"SELECT count(*) FROM {table.name}")) == 0, table.name
