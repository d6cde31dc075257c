"""The engine behind the port: dbos, its tables in our own database.

This module alone imports dbos. Everything is looked up late, because a web process needs the
client only once it enqueues, and a supervisor never.

What dbos 3.4 has no public way for: creating its tables without its listening triggers, naming
them, recovering the jobs of another executor, and reading or changing many of its rows at once
(taking jobs, noting their ends, counting, putting back for later), which is SQL on its tables that
writes what dbos writes.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import event

from webapp.core.database.connections import make_engine_options, prepare_sqlite
from webapp.core.extensions import db
from webapp.engine import wakeups
from webapp.engine.registry import Job, Queue, get_registry

if TYPE_CHECKING:
    from dbos import DBOS, DBOSClient

    from webapp.config import Settings

APPLICATION = "callboard"
#: Pinned: derived from the source it would strand every unfinished job of the last release.
VERSION = "1"
SCHEMA = "dbos"
#: Kept with each queue as dbos wants it; its workers are woken and never poll.
POLLING_SECONDS = 10.0
#: What a cancelled job that has begun carries; dbos keeps such attributes with the job.
CANCEL_ATTRIBUTE = "cancel_requested"
#: Threads of dbos' own: it runs none of the jobs.
DBOS_THREADS = 4
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
class StoredJob:
    """One job as the engine's tables show it."""

    status: str
    position: int | None
    attempts: int
    worker: str | None


@dataclass(frozen=True)
class TakenJob:
    """A job that this executor has taken; `attempts` counts how often it was, this time too."""

    key: str
    queue: str
    workflow: str
    inputs: str
    attempts: int


@dataclass(frozen=True)
class End:
    """How a job of this executor has ended, to be noted."""

    job: TakenJob
    has_failed: bool


def make_engine(settings: Settings, *, connections: int = 6) -> sa.Engine:
    """The worker's own small pool, so that its jobs cannot starve the queue of connections."""
    options = make_engine_options(settings.database_url) | {"pool_size": connections}
    engine = sa.create_engine(settings.database_url, **options)
    prepare_sqlite(engine)
    return engine


def make_worker_engine(settings: Settings) -> sa.Engine:
    """A pool that does not wait for the disk.

    A power cut may take back that a job was taken or has ended, and then it runs again, which
    every job must bear. What a job itself commits goes through the application's connections.
    """
    engine = make_engine(settings)

    @event.listens_for(engine, "connect")
    def _do_not_wait(connection: Any, _record: Any) -> None:
        if settings.is_sqlite:
            connection.execute("PRAGMA synchronous=NORMAL")
        else:
            connection.execute("SET synchronous_commit = off")
            connection.commit()

    return engine


def load() -> None:
    """Import dbos: before a worker forks, so that its child has it too."""
    import dbos  # noqa: F401 - only loaded


def install(settings: Settings) -> None:
    """Create the engine's tables and the application's queues, or bring them up to date.

    Called by the one process that migrates the database; every other one only uses them.
    """
    from dbos import DBOSPortableJSONSerializer
    from dbos._sys_db import SystemDatabase

    engine = make_engine(settings)
    try:
        SystemDatabase.create(
            system_database_url=settings.database_url,
            engine_kwargs={},
            engine=engine,
            schema=SCHEMA,
            serializer=DBOSPortableJSONSerializer(),
            executor_id=None,
            use_listen_notify=False,
        ).run_migrations()
        client = _make_client(engine)
        for queue in get_registry(current_app).queues.values():
            client.register_queue(
                queue.name,
                worker_concurrency=queue.concurrency,
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
    from dbos import DBOSClient, DBOSPortableJSONSerializer

    return DBOSClient(
        system_database_engine=engine,
        dbos_system_schema=SCHEMA,
        serializer=DBOSPortableJSONSerializer(),
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
    job: Job,
    *,
    key: str,
    arguments: dict[str, Any],
    priority: int,
    delay_seconds: float | None,
) -> None:
    from dbos import EnqueueOptions

    options = EnqueueOptions(
        workflow_name=JOB_WORKFLOW,
        queue_name=job.queue,
        workflow_id=key,
        app_version=VERSION,
        priority=priority,
    )
    if delay_seconds is not None:
        options["delay_seconds"] = delay_seconds
    _client().enqueue_in_transaction(connection, options, job.name, arguments)


def cancel(key: str) -> None:
    client = _client()
    client.update_workflow_attributes(key, {CANCEL_ATTRIBUTE: True})
    job = read(key)
    if job is not None and job.status == "pending":
        if job.attempts == 0:
            client.cancel_workflow(key)
        else:
            # It has begun, so it has rows of its own to end: its next run comes now and is told.
            client.set_workflow_delay(key, delay_seconds=0)
    wakeups.send(db.engine, f"cancel {key}")


def read(key: str) -> StoredJob | None:
    workflows = _client().list_workflows(workflow_ids=[key], load_input=False, load_output=False)
    if not workflows:
        return None
    workflow = workflows[0]
    status = STATUSES[workflow.status]
    return StoredJob(
        status=status,
        position=_position(key) if status == "pending" else None,
        attempts=workflow.recovery_attempts or 0,
        worker=workflow.executor_id,
    )


def _position(key: str) -> int:
    table = _status_table(db.engine)
    # The second condition on the status says nothing new: dbos' index of what is in flight is
    # partial, and SQLite uses it only where the index's own condition stands in the query.
    statement = sa.text(
        f"SELECT count(*) FROM {table} AS ahead, {table} AS job"  # noqa: S608 - two constants
        " WHERE job.workflow_uuid = :key AND ahead.queue_name = job.queue_name"
        " AND ahead.status = 'ENQUEUED' AND ahead.status IN ('ENQUEUED', 'PENDING')"
        " AND (ahead.priority, ahead.created_at) <= (job.priority, job.created_at)"
    )
    return max(1, int(db.session.execute(statement, {"key": key}).scalar_one()))


def schedule(name: str, job: Job, *, cron: str, timezone: str, arguments: dict[str, Any]) -> None:
    from dbos import error

    client = _client()
    try:
        client.apply_schedules(
            [
                {
                    "schedule_name": name,
                    "workflow_name": SCHEDULE_WORKFLOW,
                    "schedule": cron,
                    "cron_timezone": timezone,
                    "context": {"job": job.name, "arguments": arguments},
                    "queue_name": job.queue,
                    "application_name": APPLICATION,
                }
            ]
        )
    except error.DBOSException as refusal:
        raise ValueError(str(refusal)) from refusal


def unschedule(name: str) -> None:
    _client().delete_schedule(name)


def launch(engine: sa.Engine, executor_id: str) -> Callable[[], None]:
    """Start what dbos does for a worker: its schedules, and jobs that wait for their time.

    It is given no queues to listen to: `take_turn` takes the jobs. What is returned stops it; jobs
    that were not finished stay with this executor's id.
    """
    from dbos import DBOS

    _make_executor(engine, executor_id)
    DBOS.listen_queues([])
    DBOS.launch()

    def shut_down() -> None:
        DBOS.destroy()

    return shut_down


def _make_executor(engine: sa.Engine, executor_id: str) -> DBOS:
    from dbos import DBOS, DBOSPortableJSONSerializer

    return DBOS(
        config={
            "name": APPLICATION,
            "system_database_engine": engine,
            "dbos_system_schema": SCHEMA,
            "serializer": DBOSPortableJSONSerializer(),
            "application_version": VERSION,
            "executor_id": executor_id,
            "run_migrations": False,
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "WARNING",
            "max_executor_threads": DBOS_THREADS,
            "scheduler_polling_interval_sec": 5.0,
        }
    )


def take_turn(
    engine: sa.Engine, executor_id: str, ends: Iterable[End], room: Mapping[str, int]
) -> list[TakenJob]:
    """Note how jobs have ended and take new ones, up to `room` of each queue, all at once."""
    table = _status_table(engine)
    with engine.begin() as connection:
        for status, has_failed in (("SUCCESS", False), ("ERROR", True)):
            keys = [end.job.key for end in ends if end.has_failed is has_failed]
            if keys:
                values = {"keys": keys, "status": status, "executor": executor_id}
                connection.execute(_make_end_statement(table), values)
        rows = [
            row
            for queue, count in room.items()
            for row in connection.execute(
                _make_take_statement(table),
                {
                    "queue": queue,
                    "count": count,
                    "executor": executor_id,
                    "owner": str(uuid4()),
                    "application": APPLICATION,
                    "version": VERSION,
                },
            )
        ]
    rows.sort(key=lambda row: (row.priority, row.created_at))
    return [TakenJob(row.key, row.queue, row.name, row.inputs, row.attempts) for row in rows]


def read_call(job: TakenJob) -> tuple[str, dict[str, Any]]:
    """The name of the job that is to be run, and its arguments."""
    given = json.loads(job.inputs)
    if job.workflow == SCHEDULE_WORKFLOW:
        _at, context = given["args"]  # as dbos' own schedules write them
        return context["job"], context["arguments"]
    name, arguments = given["positionalArgs"]
    return name, arguments


@cache
def _make_end_statement(table: str) -> sa.TextClause:
    # Nothing where the job was cancelled or another executor has it: that one's end counts.
    return sa.text(
        f"UPDATE {table} SET status = :status, owner_xid = NULL,"  # noqa: S608 - constants
        f" deduplication_id = NULL, completed_at = {_now(table)}, updated_at = {_now(table)}"
        " WHERE workflow_uuid IN :keys AND status = 'PENDING' AND executor_id = :executor"
    ).bindparams(sa.bindparam("keys", expanding=True))


@cache
def _make_take_statement(table: str) -> sa.TextClause:
    inputs = table.replace("_status", "_input")
    # The condition on two statuses says nothing new: dbos' index of what is in flight is
    # partial, and SQLite uses it only where the index's own condition stands in the query.
    waiting = (
        f"SELECT workflow_uuid FROM {table} WHERE queue_name = :queue"  # noqa: S608 - constants
        " AND status = 'ENQUEUED' AND status IN ('ENQUEUED', 'PENDING')"
        " AND application_version = :version"
        " AND (application_name = :application OR application_name IS NULL)"
        " ORDER BY priority, created_at LIMIT :count"
    )
    if table == "workflow_status":  # SQLite's: whoever writes is alone
        chosen = f"IN ({waiting})"
    else:
        # As an array, because PostgreSQL may run a subquery with a limit more than once.
        chosen = f"= ANY(ARRAY({waiting} FOR UPDATE SKIP LOCKED))"
    return sa.text(
        f"UPDATE {table} SET status = 'PENDING', owner_xid = :owner,"  # noqa: S608 - constants
        " executor_id = :executor, application_name = :application,"
        f" started_at_epoch_ms = {_now(table)}, updated_at = {_now(table)},"
        " recovery_attempts = recovery_attempts + 1"
        f" WHERE workflow_uuid {chosen}"
        " RETURNING workflow_uuid AS key, queue_name AS queue, name,"
        " recovery_attempts AS attempts, priority, created_at, COALESCE((SELECT given.inputs"
        f" FROM {inputs} AS given WHERE given.workflow_uuid = {table}.workflow_uuid),"
        f" {table}.inputs) AS inputs"
    )


def _now(table: str) -> str:
    """The database's time in milliseconds, as SQL."""
    if table == "workflow_status":
        return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    return "CAST(EXTRACT(epoch FROM now()) * 1000 AS BIGINT)"


def find_taken(engine: sa.Engine, executor_id: str) -> set[str]:
    """The jobs that this executor has taken and whose end is not noted."""
    statement = sa.text(
        f"SELECT workflow_uuid FROM {_status_table(engine)}"  # noqa: S608 - a constant
        " WHERE status = 'PENDING' AND status IN ('ENQUEUED', 'PENDING')"
        " AND executor_id = :executor"
    )
    with engine.connect() as connection:
        return set(connection.execute(statement, {"executor": executor_id}).scalars())


def recover(executor_id: str) -> int:
    """Put the unfinished jobs of a dead worker back on their queues; says how many."""
    from dbos import DBOS

    return len(DBOS._recover_pending_workflows([executor_id]))


def put_back(engine: sa.Engine, key: str, executor_id: str, *, seconds: float) -> None:
    """Let a job that this executor runs wait for its next run; nothing where another has it."""
    due = int((time.time() + seconds) * 1000)
    values = "status = 'DELAYED', delay_until_epoch_ms = :due"
    _release(engine, values, {"key": key, "executor": executor_id, "due": due})


def give_back(engine: sa.Engine, key: str, executor_id: str) -> None:
    """Undo the taking of a job that has not begun, so that any worker can have it."""
    values = "status = 'ENQUEUED', recovery_attempts = recovery_attempts - 1"
    _release(engine, values, {"key": key, "executor": executor_id})


def _release(engine: sa.Engine, values: str, parameters: dict[str, Any]) -> None:
    statement = sa.text(
        f"UPDATE {_status_table(engine)} SET {values}, owner_xid = NULL,"  # noqa: S608 - constants
        " executor_id = NULL, started_at_epoch_ms = NULL"
        " WHERE workflow_uuid = :key AND status = 'PENDING' AND executor_id = :executor"
    )
    with engine.begin() as connection:
        connection.execute(statement, parameters)


def end_cancelled(key: str) -> None:
    """Note that a running job has ended because it was cancelled."""
    _client().cancel_workflow(key)


def find_waiting(connection: sa.Connection, queues: Collection[Queue]) -> list[str]:
    """The names of those queues in which a job waits to be taken."""
    names = {f"queue_{number}": queue.name for number, queue in enumerate(queues)}
    listed = " UNION ALL ".join(f"SELECT :{name} AS name" for name in names)
    # The last condition repeats a partial index's own words, or SQLite would not use it.
    statement = sa.text(
        f"SELECT name FROM ({listed}) AS listed WHERE EXISTS (SELECT 1"  # noqa: S608 - constants
        f" FROM {_status_table(connection.engine)} WHERE queue_name = listed.name"
        " AND status = 'ENQUEUED' AND status IN ('ENQUEUED', 'PENDING'))"
    )
    return list(connection.execute(statement, names).scalars())


def find_cancelled(connection: sa.Connection, keys: Collection[str]) -> list[str]:
    """Those of these jobs that somebody has cancelled."""
    statement = sa.text(
        f"SELECT workflow_uuid FROM {_status_table(connection.engine)}"  # noqa: S608 - a constant
        " WHERE workflow_uuid IN :keys AND (status = 'CANCELLED'"
        f" OR CAST(attributes AS TEXT) LIKE '%{CANCEL_ATTRIBUTE}%')"
    ).bindparams(sa.bindparam("keys", expanding=True))
    return list(connection.execute(statement, {"keys": list(keys)}).scalars())


def find_unfinished(connection: sa.Connection, keys: Collection[str]) -> list[str]:
    """Those of these jobs that wait or run."""
    statement = sa.text(
        f"SELECT workflow_uuid FROM {_status_table(connection.engine)}"  # noqa: S608 - a constant
        " WHERE workflow_uuid IN :keys AND status IN ('ENQUEUED', 'DELAYED', 'PENDING')"
    ).bindparams(sa.bindparam("keys", expanding=True))
    return list(connection.execute(statement, {"keys": list(keys)}).scalars())


def holders(connection: sa.Connection) -> list[str]:
    """Ids of the workers, dead or alive, that hold started jobs."""
    # The second condition repeats a partial index's own words, or SQLite would not use it.
    statement = sa.text(
        f"SELECT DISTINCT executor_id FROM {_status_table(connection.engine)}"  # noqa: S608 - a constant
        " WHERE status = 'PENDING' AND status IN ('ENQUEUED', 'PENDING')"
    )
    return [row[0] for row in connection.execute(statement) if row[0]]


def _status_table(engine: sa.Engine) -> str:
    return "workflow_status" if engine.dialect.name == "sqlite" else f"{SCHEMA}.workflow_status"


def delete_finished(*, before: datetime, limit: int) -> int:
    """Forget jobs that ended before a moment; says how many. Retention is ours, not dbos's."""
    statement = sa.text(
        f"SELECT workflow_uuid FROM {_status_table(db.engine)}"  # noqa: S608 - a constant
        " WHERE status IN ('SUCCESS', 'ERROR', 'CANCELLED') AND completed_at < :before"
        " LIMIT :limit"
    )
    values = {"before": int(before.timestamp() * 1000), "limit": limit}
    keys = list(db.session.execute(statement, values).scalars())
    db.session.rollback()
    if keys:
        _client().delete_workflows(keys)
    return len(keys)
