"""A task comes to exactly one ending, whatever happens to the workers that run it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

import psycopg
import pytest
from apiflask import APIFlask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from tests.cast import Cast
from webapp import engine
from webapp.core import feature
from webapp.core.actor import Actor
from webapp.core.errors import Invalid
from webapp.core.extensions import db
from webapp.core.live.announcements import Announcement
from webapp.engine import control, retries, runs
from webapp.tasks import changes, running, services
from webapp.tasks.kinds import TaskKind
from webapp.tasks.models import Status, Task

BROKEN = OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such column: x"))
AWAY = OperationalError("SELECT 1", {}, psycopg.OperationalError("the connection is closed"))


@pytest.fixture
def does(
    app: APIFlask, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[running.Run], None]], None]:
    """Says what a task of the kind "example" does."""

    def set_function(function: Callable[[running.Run], None]) -> None:
        kinds = [*feature.contributions(object), TaskKind("example", function)]
        monkeypatch.setitem(app.extensions, feature.KEY, kinds)

    return set_function


@pytest.fixture
def task(alice: Actor) -> Task:
    made = changes.start_task("example", title="An example", input={}, actor=alice)
    db.session.commit()
    return made


def stored(task: Task) -> Task:
    db.session.expire_all()
    return db.session.scalars(select(Task).where(Task.id == task.id)).one()


def test_it_goes_on_at_its_checkpoint(task: Task, does: Callable[..., None]) -> None:
    def work(run: running.Run) -> None:
        for number in range(run.task.checkpoint.get("done", 0), 4):
            run.hold()
            run.advance((number + 1) / 4, {"done": number + 1}, {"count": number + 1})
            if number == 1 and run.number == 1:
                raise engine.Interrupted

    does(work)
    with pytest.raises(engine.Interrupted):
        running.run_task(task.id)
    assert (stored(task).status, task.checkpoint, task.attempts) == ("running", {"done": 2}, 1)
    running.run_task(task.id)
    assert (stored(task).status, task.result, task.run_number) == ("completed", {"count": 4}, 2)


def test_what_has_ended_is_not_run_again(
    task: Task, does: Callable[..., None], alice: Actor
) -> None:
    """The job of a task that was cancelled before it began may still be taken."""
    does(lambda run: pytest.fail("It runs."))
    services.cancel_task(task.id, actor=alice)
    running.run_task(task.id)
    assert (stored(task).status, task.run_number) == ("cancelled", 0)


@pytest.mark.parametrize(("fraction", "percent"), [(-0.5, 0.0), (0.12345, 12.3), (1.5, 100.0)])
def test_progress_stays_between_none_and_all(
    task: Task, does: Callable[..., None], fraction: float, percent: float
) -> None:
    seen = []

    def work(run: running.Run) -> None:
        run.hold()
        run.advance(fraction, {}, {})
        seen.append(stored(task).progress_percent)

    does(work)
    running.run_task(task.id)
    assert seen == [percent]


def test_no_batch_begins_after_somebody_has_cancelled(
    task: Task, does: Callable[..., None], alice: Actor
) -> None:
    begun = []

    def work(run: running.Run) -> None:
        for number in range(3):
            run.hold()
            begun.append(number)
            run.advance(number / 3, {"done": number}, {})
            services.cancel_task(task.id, actor=alice)

    does(work)
    running.run_task(task.id)
    assert (stored(task).status, begun) == ("cancelled", [0])


def test_a_run_that_another_has_superseded_leaves_no_trace(
    task: Task, does: Callable[..., None]
) -> None:
    def work(run: running.Run) -> None:
        db.session.execute(update(Task).values(run_number=Task.run_number + 1))
        db.session.commit()
        with pytest.raises(runs.RunSuperseded):
            run.hold()
        raise Invalid("This run has no say any more.")

    does(work)
    running.run_task(task.id)
    assert (stored(task).status, task.error) == ("running", None)


def test_work_that_kills_its_worker_again_and_again_has_failed(
    task: Task, does: Callable[..., None]
) -> None:
    def work(run: running.Run) -> None:
        raise engine.Interrupted

    does(work)
    for _ in range(runs.MAX_ATTEMPTS):
        with pytest.raises(engine.Interrupted):
            running.run_task(task.id)
    running.run_task(task.id)
    assert stored(task).status == "failed"
    assert task.error == "Its worker died five times at the same place."


@pytest.mark.parametrize("commits", [True, False], ids=["in its last batch", "between batches"])
def test_a_cancelled_task_is_told_as_cancelled(
    cast: Cast, task: Task, does: Callable[..., None], commits: bool
) -> None:
    def work(run: running.Run) -> None:
        run.hold()
        run.advance(0.5, {}, {})
        services.cancel_task(task.id, actor=cast.actor("alice"))
        if not commits:
            run.hold()

    does(work)
    running.run_task(task.id)
    assert stored(task).status == "cancelled"


def test_a_token_ends_a_task_in_the_middle_of_a_batch(
    task: Task, does: Callable[..., None]
) -> None:
    token = engine.Token(task.id)

    def work(run: running.Run) -> None:
        run.hold()
        run.task.title = "Half a batch"
        token.cancel()
        engine.sleep(600)

    does(work)
    with control.running(token):
        running.run_task(task.id)
    assert (stored(task).status, task.title) == ("cancelled", "An example")


def test_a_fault_of_its_own_is_tried_a_few_times_and_then_told(
    task: Task, does: Callable[..., None]
) -> None:
    def work(run: running.Run) -> None:
        raise BROKEN

    does(work)
    token = engine.Token(task.id)
    with control.running(token):
        for token.failures in range(retries.MAX_FAILURES - 1):
            with pytest.raises(OperationalError):
                running.run_task(task.id)
        token.failures += 1
        running.run_task(task.id)
    assert stored(task).status == "failed"
    assert task.error == "Something went wrong on our side; the log has the details."


def test_progress_gives_all_tries_back(task: Task, does: Callable[..., None]) -> None:
    token = engine.Token(task.id)
    token.failures = 3
    does(lambda run: run.advance(1.0, {}, {}))
    with control.running(token):
        running.run_task(task.id)
    assert token.failures == 0


def test_an_ending_waits_for_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, task: Task
) -> None:
    monkeypatch.setattr(runs, "pause_before_retry", lambda _failures: 0)
    calls = []

    def end() -> None:
        calls.append(1)
        if len(calls) < 2 * retries.MAX_FAILURES:
            raise AWAY

    runs.insist(end)
    assert len(calls) == 2 * retries.MAX_FAILURES


def test_an_ending_that_always_fails_is_tried_a_few_times_and_told(
    app: APIFlask, monkeypatch: pytest.MonkeyPatch, task: Task
) -> None:
    """Five times in all, also where the last batch gave the job all its tries back."""
    monkeypatch.setattr(runs, "pause_before_retry", lambda _failures: 0)
    calls = []

    def when_ended(_task: Task) -> None:
        calls.append(1)
        assert len(calls) <= retries.MAX_FAILURES
        raise BROKEN

    def work(run: running.Run) -> None:
        run.advance(1.0, {"done": 1}, {})

    kinds = [*feature.contributions(object), TaskKind("example", work, when_ended=when_ended)]
    monkeypatch.setitem(app.extensions, feature.KEY, kinds)
    with control.running(engine.Token(task.id)):
        running.run_task(task.id)
    assert len(calls) == retries.MAX_FAILURES
    assert stored(task).status == "failed" and task.is_retryable
    assert task.error == "Something went wrong on our side; the log has the details."


def test_the_worker_does_not_try_again_what_was_insisted_on(
    monkeypatch: pytest.MonkeyPatch, task: Task
) -> None:
    monkeypatch.setattr(runs, "pause_before_retry", lambda _failures: 0)

    def end() -> None:
        raise BROKEN

    with control.running(engine.Token(task.id)):
        with pytest.raises(OperationalError) as raised:
            runs.insist(end)
        assert not engine.will_retry(raised.value)


def test_a_worker_that_stops_insists_on_nothing_and_begins_no_batch(
    monkeypatch: pytest.MonkeyPatch, task: Task, does: Callable[..., None]
) -> None:
    """Its work is left for the next one."""
    stopping, calls = threading.Event(), []
    monkeypatch.setattr(control, "_stopping", stopping)

    def end() -> None:
        calls.append(1)
        assert len(calls) < 5
        raise BROKEN

    def work(run: running.Run) -> None:
        run.hold()
        run.advance(0.5, {"done": 1}, {})
        stopping.set()
        with pytest.raises(engine.Interrupted):
            runs.insist(end)
        run.hold()

    does(work)
    with pytest.raises(engine.Interrupted):
        running.run_task(task.id)
    assert calls == [1]
    assert (stored(task).status, task.checkpoint) == ("running", {"done": 1})


def test_each_batch_and_the_end_are_announced(task: Task, does: Callable[..., None]) -> None:
    def count() -> int:
        found = db.session.scalars(select(Announcement.feed))
        return sum(topic == f"task:{task.id}" for topic in found)

    def work(run: running.Run) -> None:
        before = count()
        run.hold()
        run.advance(0.5, {}, {})
        assert count() == before + 1

    does(work)
    before = count()
    running.run_task(task.id)
    assert stored(task).status == Status.COMPLETED
    assert count() == before + 3
