"""How Alembic reaches the application's database and models."""

from __future__ import annotations

from alembic import context
from flask import current_app

from webapp.core.extensions import db

options = current_app.extensions["migrate"].configure_args


def run_migrations() -> None:
    """Run in one transaction on either database: a migration is applied whole or not at all."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            **options,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run_migrations()
