"""What an application's worker can run: its jobs, their queues, and programs for runners."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flask import Flask


@dataclass(frozen=True)
class Queue:
    """Jobs that wait for each other: a worker runs at most `concurrency` of them at once."""

    name: str
    concurrency: int = 8


@dataclass(frozen=True)
class Job:
    """`function(key, **arguments)` under a name, and the queue in which its runs wait."""

    name: str
    function: Callable[..., None]
    queue: str = "jobs"


@dataclass(frozen=True)
class Program:
    """What a runner can be: a module with `run(order: dict, channel: Channel) -> None`.

    It is imported where there is neither a database nor a secret, without its feature's package:
    what it imports brings no Flask and no models. If it has `warm_up() -> None`, that is called
    once, for all runners: what it loads and makes is theirs without a cost. It leaves no thread,
    no connection and no event loop.
    """

    name: str
    module: str


@dataclass
class Registry:
    """The jobs, queues and programs of one application."""

    jobs: dict[str, Job] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=lambda: {"jobs": Queue("jobs")})
    programs: dict[str, Program] = field(default_factory=dict)

    def add_queue(self, queue: Queue) -> None:
        """ValueError where another queue has that name."""
        if self.queues.setdefault(queue.name, queue) != queue:
            raise ValueError(f"The queue {queue.name} is registered twice.")

    def add_job(self, job: Job) -> None:
        """ValueError where another job has that name, LookupError where its queue is unknown."""
        if job.queue not in self.queues:
            raise LookupError(f"No queue is called {job.queue}.")
        if self.jobs.setdefault(job.name, job) != job:
            raise ValueError(f"The job {job.name} is registered twice.")

    def add_program(self, program: Program) -> None:
        """ValueError where another program has that name."""
        if self.programs.setdefault(program.name, program) != program:
            raise ValueError(f"The program {program.name} is registered twice.")

    def find(self, name: str) -> Job:
        """The job called `name`; LookupError where nothing registered it."""
        if name not in self.jobs:
            raise LookupError(f"No job is called {name}.")
        return self.jobs[name]


def get_registry(app: Flask) -> Registry:
    """The application's own."""
    registry: Registry = app.extensions.setdefault("callboard-jobs", Registry())
    return registry


def register(
    app: Flask,
    *,
    jobs: Iterable[Job] = (),
    queues: Iterable[Queue] = (),
    programs: Iterable[Program] = (),
) -> None:
    """Let the application's workers run these jobs and programs, and serve these queues."""
    registry = get_registry(app)
    for queue in queues:
        registry.add_queue(queue)
    for job in jobs:
        registry.add_job(job)
    for program in programs:
        registry.add_program(program)
