"""The engine behind the port: dbos, its tables in our own database.

This module alone imports dbos. Everything is looked up late, because a web process needs the
client only once it enqueues, and a supervisor never.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import current_app

from webapp.core.database import make_engine_options, prepare_sqlite
from webapp.core.extensions import db

if TYPE_CHECKING:
    from dbos import DBOSClient

    from webapp.config import Settings

APPLICATION = "callboard"
#: Pinned: derived from the source it would strand every unfinished job of the last release.
VERSION = "1"
SCHEMA = "dbos"
QUEUE = "jobs"
#: One worker starts at most CONCURRENCY / POLLING_SECONDS jobs a second; each poll costs about
#: 4 ms of CPU, so polling twice as often doubles what an idle worker uses.
CONCURRENCY = 8
POLLING_SECONDS = 0.2
JOB_WORKFLOW = "run_job"
SCHEDULE_WORKFLOW = "run_schedule"

STATUSES = {
    "DELAYED": "pending",
    "ENQUEUED": "pending",
    "PENDING": "running",
    "SUCCESS": "completed",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}

# A handler of any kind keeps dbos from installing its own and from switching propagation off.
_logger = logging.getLogger("dbos")
_logger.addHandler(logging.NullHandler())
_logger.setLevel(logging.WARNING)


@dataclass(frozen=True)
class Found:
    """One job as the engine's tables show it."""

    status: str
    position: int | None
    starts: int
    worker: str | None


def make_engine(settings: Settings, *, connections: int = 6) -> sa.Engine:
    """The worker's own small pool, so that its jobs cannot starve the queue of connections."""
    options = make_engine_options(settings.database_url) | {"pool_size": connections}
    engine = sa.create_engine(settings.database_url, **options)
    prepare_sqlite(engine)
    return engine


def install(settings: Settings) -> None:
    """Create the engine's tables and its queue, or bring them up to date.

    Called by the one process that migrates the database; every other one only uses them.
    """
    from dbos._serialization import DBOSPortableJSON
    from dbos._sys_db import SystemDatabase

    engine = make_engine(settings)
    try:
        SystemDatabase.create(
            system_database_url=settings.database_url,
            engine_kwargs={},
            engine=engine,
            schema=SCHEMA,
            serializer=DBOSPortableJSON,
            executor_id=None,
            use_listen_notify=False,
        ).run_migrations()
        _make_client(engine).register_queue(
            QUEUE,
            worker_concurrency=CONCURRENCY,
            polling_interval_sec=POLLING_SECONDS,
            on_conflict="always_update",
        )
    finally:
        engine.dispose()


@cache
def _tables() -> frozenset[str]:
    from dbos._schemas.system_database import SystemSchema

    names = {table.name for table in SystemSchema.metadata_obj.tables.values()}
    return frozenset(names | {"dbos_migrations"})


def owns_table(name: str) -> bool:
    """Whether a table belongs to the engine, and so is none of the migrations' business."""
    return name in _tables()


def _make_client(engine: sa.Engine) -> DBOSClient:
    from dbos import DBOSClient
    from dbos._serialization import DBOSPortableJSON

    return DBOSClient(
        system_database_engine=engine,
        dbos_system_schema=SCHEMA,
        serializer=DBOSPortableJSON,
        application_name=APPLICATION,
        lazy=True,
        retry_connection_errors=False,
    )


def _client() -> DBOSClient:
    """This process's client; a forked process makes its own."""
    clients: dict[int, DBOSClient] = current_app.extensions.setdefault("callboard-engine", {})
    if os.getpid() not in clients:
        clients[os.getpid()] = _make_client(db.engine)
    return clients[os.getpid()]


def enqueue(
    connection: sa.Connection,
    name: str,
    *,
    key: str,
    arguments: dict[str, Any],
    priority: int,
    delay_seconds: float | None,
) -> None:
    from dbos import EnqueueOptions

    options = EnqueueOptions(
        workflow_name=JOB_WORKFLOW,
        queue_name=QUEUE,
        workflow_id=key,
        app_version=VERSION,
        priority=priority,
    )
    if delay_seconds is not None:
        options["delay_seconds"] = delay_seconds
    _client().enqueue_in_transaction(connection, options, name, arguments)


def cancel(key: str) -> None:
    _client().cancel_workflow(key)


def read(key: str) -> Found | None:
    found = _client().list_workflows(workflow_ids=[key], load_input=False, load_output=False)
    if not found:
        return None
    workflow = found[0]
    status = STATUSES[workflow.status]
    return Found(
        status=status,
        position=_position(key) if status == "pending" else None,
        starts=workflow.recovery_attempts or 0,
        worker=workflow.executor_id,
    )


def _position(key: str) -> int:
    table = _status_table(db.engine)
    statement = sa.text(
        f"SELECT count(*) FROM {table} AS other, {table} AS mine"  # noqa: S608 - two constants
        " WHERE mine.workflow_uuid = :key AND other.queue_name = mine.queue_name"
        " AND other.status = 'ENQUEUED' AND other.status IN ('ENQUEUED', 'PENDING')"
        " AND (other.priority, other.created_at) <= (mine.priority, mine.created_at)"
    )
    return max(1, int(db.session.execute(statement, {"key": key}).scalar_one()))


def schedule(
    name: str, job_name: str, *, cron: str, timezone: str, arguments: dict[str, Any]
) -> None:
    from dbos._error import DBOSException

    client = _client()
    try:
        client.apply_schedules(
            [
                {
                    "schedule_name": name,
                    "workflow_name": SCHEDULE_WORKFLOW,
                    "schedule": cron,
                    "cron_timezone": timezone,
                    "context": {"job": job_name, "arguments": arguments},
                    "queue_name": QUEUE,
                    "application_name": APPLICATION,
                }
            ]
        )
    except DBOSException as error:
        raise ValueError(str(error)) from error


def unschedule(name: str) -> None:
    _client().delete_schedule(name)


def launch(
    engine: sa.Engine, executor_id: str, run: Callable[[str, str, dict[str, Any]], None]
) -> None:
    """Start taking jobs off the queue; `run(name, key, arguments)` is called in threads."""
    from dbos import DBOS
    from dbos._serialization import DBOSPortableJSON

    DBOS(
        config={
            "name": APPLICATION,
            "system_database_engine": engine,
            "dbos_system_schema": SCHEMA,
            "serializer": DBOSPortableJSON,
            "application_version": VERSION,
            "executor_id": executor_id,
            "run_migrations": False,
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "WARNING",
            "max_executor_threads": CONCURRENCY * 2,
            "scheduler_polling_interval_sec": 5.0,
        }
    )

    # No limit on recoveries here: a dead-lettered workflow would leave its row "running" for
    # ever. A task counts its own starts since its last progress and fails with a sentence.
    @DBOS.workflow(name=JOB_WORKFLOW, max_recovery_attempts=None)
    def run_job(name: str, arguments: dict[str, Any]) -> None:
        run(name, str(DBOS.workflow_id), arguments)

    @DBOS.workflow(name=SCHEDULE_WORKFLOW, max_recovery_attempts=None)
    def run_schedule(at: datetime, context: dict[str, Any]) -> None:
        run(context["job"], str(DBOS.workflow_id), context["arguments"])

    DBOS.listen_queues([QUEUE])
    DBOS.launch()


def recover(executor_id: str) -> int:
    """Put the unfinished jobs of a dead worker back on the queue; says how many."""
    from dbos import DBOS

    return len(DBOS._recover_pending_workflows([executor_id]))


def shut_down() -> None:
    """Stop taking jobs; those that were not finished stay with this executor's id."""
    from dbos import DBOS

    DBOS.destroy()


def holders(connection: sa.Connection) -> list[str]:
    """Ids of the workers, dead or alive, that hold started jobs."""
    # The second condition repeats a partial index's own words, or SQLite would not use it.
    statement = sa.text(
        f"SELECT DISTINCT executor_id FROM {_status_table(connection.engine)}"  # noqa: S608
        " WHERE status = 'PENDING' AND status IN ('ENQUEUED', 'PENDING')"
    )
    return [row[0] for row in connection.execute(statement) if row[0]]


def find_executor(connection: sa.Connection, key: str) -> str | None:
    """The id of the worker that took a job last; None before one has."""
    statement = sa.text(
        f"SELECT executor_id FROM {_status_table(connection.engine)}"  # noqa: S608
        " WHERE workflow_uuid = :key AND started_at_epoch_ms IS NOT NULL"
    )
    found: str | None = connection.execute(statement, {"key": key}).scalar()
    return found


def _status_table(engine: sa.Engine) -> str:
    return "workflow_status" if engine.dialect.name == "sqlite" else f"{SCHEMA}.workflow_status"


def delete_finished(engine: sa.Engine, *, before: datetime, limit: int) -> int:
    """Forget jobs that ended before a moment; says how many. Retention is ours, not dbos's."""
    from dbos._dbos import _get_dbos_instance

    statement = sa.text(
        f"SELECT workflow_uuid FROM {_status_table(engine)}"  # noqa: S608 - a constant
        " WHERE status IN ('SUCCESS', 'ERROR', 'CANCELLED') AND completed_at < :before"
        " LIMIT :limit"
    )
    values = {"before": int(before.timestamp() * 1000), "limit": limit}
    with engine.connect() as connection:
        keys = list(connection.execute(statement, values).scalars())
    if keys:
        _get_dbos_instance()._sys_db.delete_workflows(keys)
    return len(keys)
