"""What may have become of a change whose database has gone.

A commit that was sent is made or not; who hears no reply cannot know. Whoever asked for it is told
so, and an answer that is ready stays one, whatever happens to the connection after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from apiflask import APIFlask
from flask import g, has_request_context, request
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError

from webapp.core.errors import DomainError

log = structlog.get_logger(__name__)

#: how statements begin that write nothing, where SQLAlchemy does not know them as writes
READS = ("SELECT", "WITH", "SET", "SHOW", "PRAGMA", "BEGIN")


def init_app(app: APIFlask) -> None:
    """Watch what requests commit. Call it after the gate, which notes who was seen when."""
    from webapp.core.extensions import db

    app.before_request(_begin)
    app.teardown_appcontext(_let_go)  # before Flask-SQLAlchemy's own, which was there first
    with app.app_context():
        _watch(db.engine)


@contextmanager
def ending() -> Iterator[None]:
    """End a transaction in the block: one whose connection is lost has ended already."""
    from webapp.engine.retries import is_connection_lost

    try:
        yield
    except DBAPIError as error:
        if not is_connection_lost(error):
            raise
        log.warning("transaction_lost", reason=str(error.orig).lower())


def is_lost() -> bool:
    """Whether this request has lost its database, so that a page has to do without."""
    return bool(g.get("is_database_lost"))


def error_behind(error: Exception) -> Exception:
    """What the database said where an answer could not be read, which pydantic keeps to itself."""
    if not isinstance(error, ValidationError) or not has_request_context():
        return error
    is_unread = any(one["type"] == "get_attribute_error" for one in error.errors())
    return g.get("database_error", error) if is_unread else error


def complete(refusal: DomainError) -> DomainError:
    """A refusal by the database, with what became of the change where the request may make one."""
    if not has_request_context() or request.method in ("GET", "HEAD"):
        return refusal
    if not g.get("may_have_committed"):
        refusal.message += " Nothing was changed."
    else:
        refusal.message += " A part of the change has been made."
        refusal.suggestions = ["See what is there before you send it again."]
    return refusal


def describe_loss() -> tuple[str, tuple[str, ...]]:
    """The sentence for a request that has lost its database, and what to do about it."""
    g.is_database_lost = True
    sentence = "The database does not answer right now."
    if not has_request_context() or request.method in ("GET", "HEAD"):
        return sentence, ()
    if not g.get("may_have_committed"):
        return f"{sentence} Nothing was changed.", ()
    return (
        "The database stopped answering before it said what became of the change: "
        "it may have been made.",
        ("See whether it is there before you send it again.",),
    )


def _begin() -> None:
    g.may_have_committed = False


def _watch(engine: Engine) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def _note_write(connection: Connection, *call: Any) -> None:
        _cursor, statement, _values, context, _is_many = call
        is_write = context.isinsert or context.isupdate or context.isdelete
        if is_write or not statement.startswith(READS):
            connection.info["has_written"] = True

    @event.listens_for(engine, "handle_error")
    def _note_error(context: ExceptionContext) -> None:
        if has_request_context():
            g.database_error = context.sqlalchemy_exception

    @event.listens_for(engine, "rollback")
    def _forget(connection: Connection) -> None:
        if not connection.invalidated:
            connection.info.pop("has_written", None)

    @event.listens_for(engine, "commit")  # which comes before the database is asked
    def _note_commit(connection: Connection) -> None:
        has_written = connection.info.pop("has_written", False)
        # What was committed before the view is no change that anybody asked for.
        if has_written and has_request_context() and "may_have_committed" in g:
            g.may_have_committed = True


def _let_go(_error: BaseException | None) -> None:
    from webapp.core.extensions import db

    with ending():
        db.session.remove()
