"""The worker process: takes jobs off the queue, and takes over those of dead workers."""

from __future__ import annotations

import logging
import math
import os
import secrets
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError

from webapp.core import clock, retention
from webapp.core.extensions import db
from webapp.engine import backend, control, jobs, memory, readiness, retries, workers
from webapp.engine.confinement import isolation
from webapp.engine.control import Token
from webapp.engine.dispatcher import Dispatcher
from webapp.engine.leases import LeaseLost, open_leases
from webapp.engine.registry import Job, get_registry
from webapp.engine.wakeups import WakeupsLost, open_wakeups

SWEEP_SECONDS = 0.5
DRAIN_SECONDS = 20.0
#: How long, at most, the ends of the last jobs take to be noted.
CLOSE_SECONDS = 5.0
RETENTION = timedelta(days=7)
RETENTION_SWEEP_SECONDS = 3600.0
RETENTION_RETRY_SECONDS = 60.0
EXIT_LEASE_LOST = 75
#: How often, at most, memory that finished jobs have left is returned to the system.
TRIM_SECONDS = 30.0

logger = logging.getLogger(__name__)

Persist = Callable[[Callable[[], None]], None]


def main(app: Flask) -> None:
    """Run jobs until SIGTERM or SIGINT; then let each reach its next safe point, and exit."""
    memory.share_pools()
    Worker(app).run()


class Worker:
    """One process's executor, under an id and a lease that are new with every start."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.settings = app.config["CALLBOARD"]
        self.executor_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.engine = backend.make_worker_engine(self.settings)
        self.leases = open_leases(self.settings, self.engine)
        self.registry = get_registry(app)
        queues = self.registry.queues.values()
        self.dispatcher = Dispatcher(self.engine, self.executor_id, queues, self._run_job)
        self._tokens: dict[str, Token] = {}
        self._changed = threading.Condition()
        self._beat_at = self._tidied_at = -math.inf
        self._has_worked = True  # it has started
        self._stop_read, self._stop_write = os.pipe()

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self.leases.hold(self.executor_id):
            # Nobody else uses this id, but a sweeping worker may hold any free lease for a moment.
            time.sleep(0.01)
        control.name_worker(self.executor_id)
        self.wakeups = open_wakeups(self.settings, self.engine, self.executor_id)
        with self.app.app_context():
            shut_down = backend.launch(self.engine, self.executor_id)
        self.dispatcher.start()
        logger.info("Worker %s takes jobs.", self.executor_id)
        readiness.notify()
        for gap in isolation().gaps if self.registry.programs else ():
            logger.warning(gap)
        # In a thread of its own: a long deletion must not keep the jobs of dead workers waiting.
        threading.Thread(target=self._keep_forgetting, name="retention", daemon=True).start()
        while not control.is_stopping():
            self._sweep()
            self._tidy()
            self._listen(SWEEP_SECONDS)
        self._interrupt()
        self.dispatcher.close(seconds=CLOSE_SECONDS)
        shut_down()
        self.wakeups.close()
        self._take_leave()
        self.leases.release(self.executor_id)
        logger.info("Worker %s has stopped.", self.executor_id)
        # Not through the interpreter's own end, which waits for threads that have not stopped.
        logging.shutdown()
        os._exit(0)

    def _stop(self, _number: int, _frame: Any) -> None:
        control.stop()
        os.write(self._stop_write, b".")

    def _listen(self, seconds: float) -> None:
        """Do what wake-ups ask for, for so long or until the worker is told to stop."""
        deadline = time.monotonic() + seconds
        ear = self.wakeups.fileno()
        while not control.is_stopping() and (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self._stop_read, ear], [], [], left)
            if ear in ready:
                self._receive()

    def _receive(self) -> None:
        try:
            messages = self.wakeups.receive()
        except WakeupsLost:
            self._leave()  # the database has gone, and the lease with it
        for message in messages:
            self._heed(message)

    def _heed(self, message: str) -> None:
        kind, _, about = message.partition(" ")
        if kind == "queue":
            self.dispatcher.ring(about)
        elif kind == "cancel":
            self._cancel(about)

    def _cancel(self, key: str) -> None:
        with self._changed:
            token = self._tokens.get(key)
        if token is not None:
            token.cancel()

    def _sweep(self) -> None:
        """Find out what no wake-up has told: dead workers, waiting and cancelled jobs."""
        try:
            connection = self.leases.connect()
            for executor_id in backend.holders(connection):
                if executor_id == self.executor_id or not self.leases.hold(executor_id):
                    continue
                try:
                    count = backend.recover(executor_id)
                    logger.warning("Took over %s jobs of dead worker %s.", count, executor_id)
                finally:
                    self.leases.release(executor_id)
            if time.monotonic() - self._beat_at >= workers.BEAT_SECONDS:
                self._beat(connection)
            for name in backend.find_waiting(connection, self.registry.queues.values()):
                self.dispatcher.ring(name)
            with self._changed:
                running = list(self._tokens)
            for key in backend.find_cancelled(connection, running) if running else []:
                self._cancel(key)
        except (LeaseLost, DBAPIError) as error:
            if isinstance(error, LeaseLost) or not self.settings.is_sqlite:
                self._leave()
            logger.warning("The sweep for dead workers failed: %s", error)

    def _beat(self, connection: sa.Connection) -> None:
        """Show that we are alive, and take off the list who is not: its lease is free."""
        workers.beat(connection, self.executor_id)
        self._beat_at = time.monotonic()
        for executor_id in workers.find_silent(connection):
            if executor_id != self.executor_id and self.leases.hold(executor_id):
                workers.forget(connection, executor_id)
                self.leases.release(executor_id)

    def _tidy(self) -> None:
        """Return the memory that finished jobs have left, now and then."""
        if self._has_worked and time.monotonic() - self._tidied_at >= TRIM_SECONDS:
            self._has_worked, self._tidied_at = False, time.monotonic()
            memory.give_back()

    def _take_leave(self) -> None:
        try:
            workers.forget(self.leases.connect(), self.executor_id)
        except (LeaseLost, DBAPIError) as error:
            logger.warning("The list of workers could not be told: %s", error)

    def _leave(self) -> NoReturn:
        """Others may already run our jobs; what is not committed yet must not be."""
        logger.critical("Worker %s lost its lease and exits.", self.executor_id)
        logging.shutdown()
        os._exit(EXIT_LEASE_LOST)

    def _keep_forgetting(self) -> None:
        while not control.is_stopping():
            time.sleep(self._forget_old())

    def _forget_old(self) -> float:
        """Delete a batch of what has served its time; the seconds until the next."""
        try:
            with self.app.app_context():
                before = clock.now() - RETENTION
                count = backend.delete_finished(before=before, limit=retention.BATCH)
                is_more = retention.sweep() or count == retention.BATCH
                return SWEEP_SECONDS if is_more else RETENTION_SWEEP_SECONDS
        except Exception:
            # Whatever is wrong with it, jobs go on.
            logger.exception("What has served its time could not be deleted.")
            return RETENTION_RETRY_SECONDS

    def _run_job(self, name: str, key: str, arguments: dict[str, Any]) -> None:
        """Run a job to its end.

        For what it raises beside Exceptions the dispatcher notes no end: an interrupted job stays
        with this executor, whose lease ends with the process, and the next worker takes it over;
        one that goes on later, or was cancelled, has its state already.
        """
        job, token = self.registry.find(name), Token(key)
        persist = partial(self._persist, name, token)
        with self._known(token), self.app.app_context(), control.running(token):
            try:
                self._run(job, key, arguments, persist)
            finally:
                self._has_worked = True

    def _run(self, job: Job, key: str, arguments: dict[str, Any], persist: Persist) -> None:
        try:
            try:
                persist(lambda: self._call(job, key, arguments))
            except control.RetryLater as later:
                db.session.rollback()
                put_back = partial(backend.put_back, self.engine, key, self.executor_id)
                persist(partial(put_back, seconds=later.seconds))
                raise
        except control.Cancelled:
            db.session.rollback()
            persist(partial(backend.end_cancelled, key))
            logger.info("Job %s %s was cancelled.", job.name, key)
            raise

    def _call(self, job: Job, key: str, arguments: dict[str, Any]) -> None:
        jobs.check_interrupted()
        job.function(key, **arguments)

    def _persist(self, name: str, token: Token, function: Callable[[], None]) -> None:
        """Call `function` until the database lets it through, or its failure is its own."""
        losses = 0
        while True:
            try:
                return function()
            except Exception as error:
                db.session.rollback()
                if not retries.will_retry(error):
                    raise
                if retries.is_to_wait_for(error):
                    losses += 1
                    logger.warning("Job %s %s waits for its database: %s", name, token.key, error)
                else:
                    token.failures += 1
                    logger.warning("Job %s %s is tried again: %s", name, token.key, error)
                logger.debug("What was raised", exc_info=True)
                pause = retries.pause_before_retry(losses or token.failures)
                if token.wait(pause):
                    time.sleep(min(pause, 0.5))  # told to stop, and perhaps this is part of it

    @contextmanager
    def _known(self, token: Token) -> Iterator[None]:
        with self._changed:
            self._tokens[token.key] = token
        try:
            yield
        finally:
            with self._changed:
                if self._tokens.get(token.key) is token:
                    del self._tokens[token.key]
                self._changed.notify_all()

    def _interrupt(self) -> None:
        """Tell all running jobs to stop, and give them time to reach a safe point."""
        self.dispatcher.stop_taking()
        with self._changed:
            for token in self._tokens.values():
                token.interrupt()
            self._changed.wait_for(lambda: not self._tokens, timeout=DRAIN_SECONDS)
            if self._tokens:
                logger.warning("%s jobs did not stop in time; others go on.", len(self._tokens))
