"""What must be right before a part does its work.

`python -m webapp.startup` is the check before all parts: it prints what the supervisor must know
as JSON, or ends with sentences about what is wrong.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from webapp.config import BadSettings, Settings

if TYPE_CHECKING:
    import psycopg
    from flask import Flask

ATTEMPTS = 5
CONNECT_SECONDS = 10
PATIENCE_SECONDS = 3.0


def main() -> None:
    """Check the settings and the database; exit status 1 and a sentence where one is wrong."""
    try:
        settings = Settings.from_environment()
        check_database(settings)
    except BadSettings as error:
        sys.exit(str(error))
    print(json.dumps(settings.model_dump(include={"host", "port", "workers"})))


def check_database(settings: Settings) -> None:
    """Raise BadSettings where PostgreSQL does not answer, or a pooler shares its sessions.

    The locks that say which workers are alive belong to a session. A pooler that gives each
    transaction any session that is free lets two workers hold the same lock.
    """
    if settings.is_sqlite:
        return
    import psycopg

    address = settings.database_url.replace("+psycopg", "")
    connect = partial(psycopg.connect, address, autocommit=True, connect_timeout=CONNECT_SECONDS)
    try:
        with connect() as first, connect() as second:
            is_shared = any(_is_shared(first, second) for _ in range(ATTEMPTS))
    except psycopg.Error as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise BadSettings(f"The database of DATABASE_URL cannot be used: {reason}") from error
    if is_shared:
        raise BadSettings(
            "DATABASE_URL leads to a pooler that shares sessions between transactions "
            "(PgBouncer: pool_mode = transaction). Callboard needs sessions of its own: use "
            "pool_mode = session, or the database's own address."
        )


def _is_shared(first: psycopg.Connection, second: psycopg.Connection) -> bool:
    """Whether two clients are seen to be served by one session, or one of them by two."""
    session = _session_of(first)
    with second.transaction():
        return _session_of(second) == session or _session_of(first) != session


def _session_of(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def wait_for_database(app: Flask, notify: Callable[[], None]) -> bool:
    """Wait until the database is as new as this code, calling `notify` all the while.

    A worker, or `flask prepare`, brings it up to date. False where the database does not answer
    at all: there is nothing to wait for, and requests are told so. Raises BadSettings.
    """
    from sqlalchemy.exc import DBAPIError

    from webapp.core.database import migrations

    begun, is_told = time.monotonic(), False
    with app.app_context():
        try:
            while not migrations.are_done():
                notify()
                if not is_told and time.monotonic() - begun > PATIENCE_SECONDS:
                    is_told = True
                    print("Waiting for a worker to bring the database up to date …", flush=True)
                time.sleep(0.05)
        except DBAPIError as error:
            print(f"The database does not answer: {error.orig}", file=sys.stderr, flush=True)
            return False
    check_database(app.config["CALLBOARD"])
    return True


def show_setup_link(app: Flask) -> None:
    """Print the link that makes the first admin, while there is none."""
    from webapp.accounts import setup

    settings: Settings = app.config["CALLBOARD"]
    with app.app_context():
        path = setup.path(settings)
    if path:
        link = f"{settings.base_url}{path}"
        print(f"\n  First start. Make your admin account here, once:\n\n    {link}\n", flush=True)


if __name__ == "__main__":
    main()
