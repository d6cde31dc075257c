"""Every migration goes up and down again, and the models need no further one."""

from __future__ import annotations

from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from tests.database import new_database
from webapp import create_app
from webapp.config import Settings
from webapp.core.extensions import db
from webapp.core.migrations import is_ours


@pytest.fixture
def empty(database_url: str, tmp_path: Path) -> Settings:
    url = new_database(database_url) or f"sqlite:///{tmp_path / 'migrated.sqlite3'}"
    url = url.replace("postgresql://", "postgresql+psycopg://")
    return Settings(data_dir=tmp_path, database_url=url, secret_key="x")


def test_migrations_go_up_down_and_up_and_match_the_models(empty: Settings) -> None:
    app = create_app(empty)
    with app.app_context():
        flask_migrate.upgrade()
        tables = set(inspect(db.engine).get_table_names())
        assert set(db.metadata.tables) <= tables
        flask_migrate.downgrade(revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            options = {"compare_type": True, "include_object": is_ours}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, db.metadata) == []
        db.engine.dispose()
