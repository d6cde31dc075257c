"""Which failures of a job are worth another try, and when.

A database that is away says nothing about the job, nor does one of SQLite that somebody else keeps
from being written: the job waits until that is over, however long it takes, as it waits for a lock
of PostgreSQL. Any other failure of the database may be the job's own doing (a deadlock, a column
that is missing): it is tried a few times. All else is a bug and fails at once.
"""

from __future__ import annotations

import random
import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from webapp.engine.control import get_token

#: How often a job is run before a failure of the database counts as its own.
MAX_FAILURES = 5
MAX_PAUSE_SECONDS = 30.0

#: PostgreSQL shuts down, crashes, starts, or has no connection to spare.
AWAY = ("57P01", "57P02", "57P03", "53300")


def is_connection_lost(error: BaseException) -> bool:
    """Whether the database could not be reached, or went away in the middle."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error) or not _is_operational(error):
        return False
    # libpq's own errors, those of the connection, come without a code of the server.
    code = getattr(error.orig, "sqlstate", None)
    return code is None or code.startswith("08") or code in AWAY


def is_to_wait_for(error: BaseException) -> bool:
    """Whether the database is away, or another connection has kept SQLite's from being written."""
    if is_connection_lost(error):
        return True
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    # Whose snapshot has grown old is told so at once, and has nobody to wait for.
    return code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT


def will_retry(error: BaseException) -> bool:
    """Whether the engine runs the job that raises `error` once more.

    A job that records its own failure asks this first, and lets the error pass where it is true.
    """
    if is_to_wait_for(error):
        return True
    token = get_token()
    failures = token.failures if token else 0
    return _is_operational(error) and failures + 1 < MAX_FAILURES


def pause_before_retry(failures: int) -> float:
    """Seconds to wait after the n-th failure, from 1: a quarter, doubling, never two alike.

    Two jobs in a deadlock must not come back at the same moment.
    """
    longest = min(0.25 * 2.0 ** (failures - 1), MAX_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the load, guards nothing


def _is_operational(error: BaseException) -> bool:
    return isinstance(error, OperationalError | InterfaceError)
