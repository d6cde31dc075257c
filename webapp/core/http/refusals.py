"""What went wrong as a refusal: what the database could not do, and what nobody foresaw."""

from __future__ import annotations

import sqlite3

import structlog
from flask import request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from webapp.core.database import outcomes
from webapp.core.database.writers import is_busy
from webapp.core.errors import Conflict, DomainError, InternalError, Unavailable
from webapp.core.extensions import db

log = structlog.get_logger(__name__)

#: PostgreSQL's disk is full, or it takes no writes; the same of SQLite, whose disk may also fail
UNWRITABLE = ("53100", "25006")
UNWRITABLE_SQLITE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
#: PostgreSQL's code for a foreign key that refers to nothing
DANGLING = "23503"


def refusal_of(error: Exception) -> DomainError:
    """What went wrong as a refusal, after a rollback; logs it.

    What nobody could foresee is an InternalError, with its traceback in the log only.
    """
    if isinstance(error, DomainError):
        return error
    if isinstance(error, NoConnection):
        log.warning("database_busy", reason="all connections are in use")
        return Unavailable("Too much is asked of the database right now.", retry_after=2)
    # In any case: what a failed change has left could not even be read for the answer.
    with outcomes.ending():
        db.session.rollback()
    refusal = _read_failure(outcomes.error_behind(error))
    if refusal is None:
        log.exception("unhandled", path=request.path if request else None, exc_info=error)
        refusal = InternalError()
    return refusal


def _read_failure(error: Exception) -> DomainError | None:
    """What the database could not do right now, or with what is there now; None for a bug."""
    from webapp.engine.retries import is_connection_lost

    if isinstance(error, StaleDataError | ObjectDeletedError):
        return _refuse_what_is_gone(error)
    if not isinstance(error, DBAPIError):
        return None
    reason = str(error.orig).lower()
    if _is_unwritable(error.orig):
        log.error("storage_unavailable", reason=reason)
        refusal = Unavailable(
            "The database cannot store anything right now: its disk is full or not writable.",
            code="storage_full",
            suggestions=["Free some space on the data folder's disk and try again."],
            retry_after=30,
        )
        return outcomes.complete(refusal)
    if is_busy(error):
        log.warning("database_busy", reason=reason)
        refusal = Unavailable(
            "Too much is being written right now.",
            suggestions=["Try again in a moment."],
            retry_after=2,
        )
        return outcomes.complete(refusal)
    if is_connection_lost(error):
        log.error("database_unavailable", reason=reason)
        detail, suggestions = outcomes.describe_loss()
        return Unavailable(detail, suggestions=suggestions, retry_after=5)
    return _refuse_what_is_gone(error) if _is_dangling(error.orig) else None


def _refuse_what_is_gone(error: Exception) -> DomainError:
    """Somebody else has deleted a row between our look and our change, or one that ours names."""
    log.warning("reference_gone", exc_info=error)
    refusal = Conflict(
        "Something that this refers to has just been deleted.",
        code="reference_gone",
        suggestions=["Look again at what is there now."],
    )
    return outcomes.complete(refusal)


def _is_unwritable(error: BaseException | None) -> bool:
    """Whether the database's disk is full, fails or is write-protected."""
    if isinstance(error, sqlite3.Error):
        # The upper bits say what exactly was tried; errors of the driver itself have no code.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in UNWRITABLE_SQLITE
    return getattr(error, "sqlstate", None) in UNWRITABLE


def _is_dangling(error: BaseException | None) -> bool:
    """Whether a row would refer to one that is not there: a foreign key, checked last of all."""
    if isinstance(error, sqlite3.IntegrityError):
        return error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return getattr(error, "sqlstate", None) == DANGLING
