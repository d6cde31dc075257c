"""The dispatcher: one thread that hands waiting jobs to free slots and notes which have ended.

A turn is one transaction: the ends of all the jobs that have ended since the last turn, and as
many new jobs, of all queues, as there are free slots. The more there is to do, the more a turn
does, so that a job costs the less the more of them there are.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from webapp.engine import backend
from webapp.engine.backend import End, TakenJob
from webapp.engine.registry import Queue

#: A turn that found nothing is followed by a pause, because other workers are woken as well.
GAP_SECONDS = 0.02
#: How soon a turn that the database refused is tried again.
RETRY_SECONDS = 0.5

logger = logging.getLogger(__name__)


class Dispatcher:
    """Calls `run(name, key, arguments)` in a slot of its queue for each job that waits.

    What returns has completed, what raises an Exception has failed; what raises any other
    BaseException has seen to its row itself, or leaves it to the next worker.
    """

    def __init__(
        self,
        engine: sa.Engine,
        executor_id: str,
        queues: Iterable[Queue],
        run: Callable[[str, str, dict[str, Any]], None],
    ) -> None:
        self._engine, self._executor_id, self._run = engine, executor_id, run
        self._free = {queue.name: queue.concurrency for queue in queues}
        self._slots = ThreadPoolExecutor(sum(self._free.values()), thread_name_prefix="slot")
        self._waiting = set(self._free)  # the queues in which a job may wait; all, at the start
        self._taken: set[TakenJob] = set()  # the jobs that run, or whose end is not noted yet
        self._ends: list[End] = []
        self._looks_at = -math.inf  # not before this moment
        self._is_taking = self._is_open = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self, queue: str) -> None:
        """Look at `queue` as soon as it has a free slot: a job may wait in it."""
        with self._changed:
            if queue in self._free:
                self._waiting.add(queue)
                self._changed.notify()

    def stop_taking(self) -> None:
        """Begin no more jobs; the ends of those that run are still noted."""
        with self._changed:
            self._is_taking = False

    def close(self, *, seconds: float) -> None:
        """End the thread once what has ended is noted, which may take so long."""
        with self._changed:
            self._is_taking = self._is_open = False
            self._changed.notify()
        self._thread.join(seconds)

    def _work(self) -> None:
        while (turn := self._await_turn()) is not None:
            ends, room = turn
            try:
                self._take_turn(ends, room)
            except Exception as error:
                # Whatever is wrong with it, jobs go on: those that have ended wait to be noted.
                logger.warning("Jobs could not be taken, nor their ends noted: %s", error)
                logger.debug("What was raised", exc_info=True)
                self._undo(ends, room)

    def _await_turn(self) -> tuple[list[End], dict[str, int]] | None:
        """The ends to note and the free slots of queues to look at; None at the end."""
        with self._changed:
            while True:
                room, left = self._find_room(), self._looks_at - time.monotonic()
                if self._ends or (room and left <= 0):
                    break
                if not self._is_open:
                    return None
                self._changed.wait(left if room else None)
            if left > 0:
                room = {}
            self._waiting -= room.keys()
            ends, self._ends = self._ends, []
            return ends, room

    def _find_room(self) -> dict[str, int]:
        if not self._is_taking:
            return {}
        return {queue: self._free[queue] for queue in self._waiting if self._free[queue]}

    def _take_turn(self, ends: list[End], room: dict[str, int]) -> None:
        taken = backend.take_turn(self._engine, self._executor_id, ends, room)
        with self._changed:
            self._taken -= {end.job for end in ends}
            for job in taken:
                self._taken.add(job)
                self._free[job.queue] -= 1
                room[job.queue] -= 1
            # Where every free slot has found a job there may be more of them.
            self._waiting |= {queue for queue, left in room.items() if not left}
            if room and not taken:
                self._looks_at = time.monotonic() + GAP_SECONDS
        for job in taken:
            self._slots.submit(self._run_in_slot, job)

    def _undo(self, ends: list[End], room: dict[str, int]) -> None:
        """Let the ends be noted later, and give back what was taken unknown to us.

        A connection that is lost while it commits leaves open whether it has.
        """
        with self._changed:
            self._ends = ends + self._ends
            self._waiting |= room.keys()
            known = {job.key for job in self._taken}
        while True:
            time.sleep(RETRY_SECONDS)
            if not self._is_open:
                return
            try:
                for key in backend.find_taken(self._engine, self._executor_id) - known:
                    backend.give_back(self._engine, key, self._executor_id)
                return
            except Exception as error:
                logger.warning("The database does not answer the dispatcher: %s", error)

    def _run_in_slot(self, job: TakenJob) -> None:
        name, has_failed = job.workflow, False
        try:
            name, arguments = backend.read_call(job)
            self._run(name, job.key, arguments)
        except Exception:
            logger.exception("Job %s %s failed.", name, job.key)
            has_failed = True
        except BaseException:
            self._free_slot(job, None)
            return
        self._free_slot(job, End(job, has_failed=has_failed))

    def _free_slot(self, job: TakenJob, end: End | None) -> None:
        with self._changed:
            self._free[job.queue] += 1
            if end is None:
                self._taken.discard(job)
            else:
                self._ends.append(end)
            self._changed.notify()
