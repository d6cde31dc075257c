"""How Alembic reaches the application's database and models."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from webapp.core.extensions import db

options = current_app.extensions["migrate"].configure_args


def run_migrations() -> None:
    """Run in one transaction on either database: a migration is applied whole or not at all."""
    with db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            # SQLite changes a table by making it anew, and would delete all that refers to the old
            # one. The connection is closed afterwards: the application's have foreign keys.
            connection.detach()
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            **options,
        )
        with context.begin_transaction():
            before = context.get_context().get_current_revision()
            context.run_migrations()
            if is_sqlite and before != context.get_context().get_current_revision():
                check_foreign_keys(connection)
        connection.commit()


def check_foreign_keys(connection: Connection) -> None:
    """Refuse to keep what PostgreSQL would have refused at once; RuntimeError."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        raise RuntimeError(f"A row of {broken[0]} would refer to none of {broken[2]}.")


run_migrations()
