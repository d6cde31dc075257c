"""What a transaction sees of others', on both databases."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, create_engine, select, text

from tests.database import new_database
from tests.factories import make_agent
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.database.connections import hasten, make_engine_options, prepare_sqlite
from webapp.core.database.transactions import do_not_wait_for_disk, get_locked
from webapp.core.extensions import db


def test_what_is_locked_is_read_again(alice: Actor) -> None:
    """Who decides by a locked row decides by what others have committed meanwhile."""
    known = make_agent(alice)  # its commit leaves it in the session, as it was
    with db.engine.begin() as elsewhere:
        elsewhere.execute(text("UPDATE agents SET revision = 4711"))
    assert db.session.get_one(Agent, known.id).revision != 4711
    locked = get_locked(select(Agent).where(Agent.id == known.id))
    assert locked is known
    assert locked.revision == 4711


def waits(connection: Connection) -> bool:
    """Whether a commit waits for the disk."""
    if connection.dialect.name == "sqlite":
        return bool(connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2)
    return bool(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on")


def test_only_the_transaction_that_need_not_last_does_not_wait(
    database_url: str, tmp_path: Path
) -> None:
    url = new_database(database_url) or f"sqlite:///{tmp_path}/own.sqlite3"
    options = make_engine_options(url) | {"pool_size": 1, "max_overflow": 0}
    engine = create_engine(url, **options)
    prepare_sqlite(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (id INTEGER)")
        if engine.dialect.name == "postgresql":  # the tests' server does not wait
            connection.exec_driver_sql("SET synchronous_commit = on")
    with engine.begin() as connection:
        assert waits(connection)
        hasten(connection)
        hasten(connection)
        connection.exec_driver_sql("INSERT INTO notes VALUES (1)")
        assert not waits(connection)
    with engine.begin() as connection:
        assert waits(connection)
        connection.exec_driver_sql("INSERT INTO notes VALUES (2)")
        if engine.dialect.name == "sqlite":
            hasten(connection)  # too late, and harmless
            assert waits(connection)
    with engine.connect() as connection:
        assert waits(connection)
        assert connection.exec_driver_sql("SELECT count(*) FROM notes").scalar_one() == 2
    engine.dispose()


def test_what_fences_others_off_waits_where_they_survive_a_crash(alice: Actor) -> None:
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
        do_not_wait_for_disk(is_fence=True)
        assert waits(connection)
        do_not_wait_for_disk()
        assert not waits(connection)
    else:
        connection.exec_driver_sql("PRAGMA synchronous=FULL")
        do_not_wait_for_disk(is_fence=True)
        assert not waits(connection)
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
    db.session.rollback()
