"""The worker process: takes jobs off the queue, and takes over those of dead workers."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from webapp.core import clock, retention
from webapp.core.extensions import db
from webapp.engine import backend, jobs
from webapp.engine.leases import LeaseLost, open_leases

SWEEP_SECONDS = 0.5
DRAIN_SECONDS = 20.0
RETENTION = timedelta(days=7)
RETENTION_SWEEP_SECONDS = 3600.0
EXIT_LEASE_LOST = 75

logger = logging.getLogger(__name__)


def main(app: Flask) -> None:
    """Run jobs until SIGTERM or SIGINT; then let each reach its next safe point, and exit."""
    Worker(app).run()


class Worker:
    """One process's executor, under an id and a lease that are new with every start."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.settings = app.config["CALLBOARD"]
        self.executor_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.engine = backend.make_engine(self.settings)
        self.leases = open_leases(self.settings, self.engine)
        self._woken = threading.Event()
        self._busy = 0
        self._changed = threading.Condition()

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self.leases.hold(self.executor_id):
            time.sleep(0.01)  # the id is new: only another worker's passing look can hold it
        backend.launch(self.engine, self.executor_id, self._run_job)
        logger.info("Worker %s takes jobs.", self.executor_id)
        # In a thread of its own: a long deletion must not keep the jobs of dead workers waiting.
        threading.Thread(target=self._keep_forgetting, name="retention", daemon=True).start()
        while not jobs.is_stopping():
            self._sweep()
            self._woken.wait(SWEEP_SECONDS)
        self._drain()
        backend.shut_down()
        self.leases.release(self.executor_id)
        logger.info("Worker %s has stopped.", self.executor_id)
        # Interrupted jobs are parked in threads that the interpreter would wait for.
        logging.shutdown()
        os._exit(0)

    def _stop(self, _number: int, _frame: Any) -> None:
        jobs.stop()
        self._woken.set()

    def _sweep(self) -> None:
        """Take over the jobs of every worker whose lease is free."""
        try:
            for executor_id in backend.holders(self.leases.connect()):
                if executor_id == self.executor_id or not self.leases.hold(executor_id):
                    continue
                try:
                    count = backend.recover(executor_id)
                    logger.warning("Took over %s jobs of dead worker %s.", count, executor_id)
                finally:
                    self.leases.release(executor_id)
        except (LeaseLost, DBAPIError) as error:
            if isinstance(error, LeaseLost) or not self.settings.is_sqlite:
                # Others may already run our jobs; what is not committed yet must not be.
                logger.critical("Worker %s lost its lease and exits.", self.executor_id)
                logging.shutdown()
                os._exit(EXIT_LEASE_LOST)
            logger.warning("The sweep for dead workers failed: %s", error)

    def _keep_forgetting(self) -> None:
        while not jobs.is_stopping():
            is_more = self._forget_old()
            time.sleep(SWEEP_SECONDS if is_more else RETENTION_SWEEP_SECONDS)

    def _forget_old(self) -> bool:
        """Delete a batch of what has served its time; whether there may be more."""
        try:
            before = clock.now() - RETENTION
            count = backend.delete_finished(self.engine, before=before, limit=retention.BATCH)
            with self.app.app_context():
                return retention.sweep() or count == retention.BATCH
        except Exception:
            # Whatever is wrong with it, jobs go on.
            logger.exception("What has served its time could not be deleted.")
            return False

    def _run_job(self, name: str, key: str, arguments: dict[str, Any]) -> None:
        with self._counted(), self.app.app_context():
            delay = 0.5
            while True:
                try:
                    jobs.check_interrupted()
                    return jobs.find(name)(key, **arguments)
                except jobs.Interrupted:
                    self._park()
                except (OperationalError, InterfaceError):
                    # The database is away, so nothing can be said about the job: it goes on
                    # where it was once the database is back.
                    logger.warning("Job %s %s lost its database; it waits.", name, key)
                    logger.debug("What was lost", exc_info=True)
                    db.session.rollback()
                    time.sleep(delay)
                    delay = min(2 * delay, 30.0)
                except Exception:
                    logger.exception("Job %s %s failed.", name, key)
                    raise

    def _park(self) -> None:
        """Hold an interrupted job's thread until the process ends.

        If it returned, the engine would take the job for finished; so it stays with this
        executor, whose lease ends with the process, and the next worker takes it over.
        """
        db.session.remove()
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()
        threading.Event().wait()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _drain(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._busy == 0, timeout=DRAIN_SECONDS)
            if self._busy:
                logger.warning("%s jobs did not stop in time; others go on.", self._busy)
