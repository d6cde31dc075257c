"""TaskKind: what a feature's tasks do, and how what they came to is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webapp.core.feature import contributions
from webapp.tasks.models import Task

if TYPE_CHECKING:
    from webapp.tasks.running import Run


@dataclass(frozen=True)
class TaskKind:
    """The tasks whose `task_type` is `name`.

    `run(run)` is what a worker does. `result` is a partial that draws `task.result`. `when_ended`
    is called in the transaction that ends a task, whoever ends it. `before_purge(tasks)` is called
    before tasks are deleted, for what is theirs alone: not for one that has been tried again,
    because the newer one has it now. `problems` names the counter of the result that says how
    much went wrong though the task went on.
    """

    name: str
    run: Callable[[Run], None]
    result: str | None = None
    when_ended: Callable[[Task], None] | None = None
    before_purge: Callable[[Sequence[Task]], None] | None = None
    problems: str | None = None


def find_kind(name: str) -> TaskKind | None:
    """The kind called `name`; None where no feature brings it (any more)."""
    return next((kind for kind in contributions(TaskKind) if kind.name == name), None)


def get_kind(name: str) -> TaskKind:
    """The kind called `name`; LookupError where no feature brings it."""
    kind = find_kind(name)
    if kind is None:
        raise LookupError(f"No feature brings tasks of the kind {name}.")
    return kind


def result_partial(task: Task) -> str | None:
    """The template that draws what a task came to, once there is something."""
    kind = find_kind(task.task_type)
    return kind.result if kind and task.result else None


def problem_count(task: Task) -> int:
    """How much went wrong within a task that went on all the same, as its result says."""
    kind = find_kind(task.task_type)
    return int(task.result.get(kind.problems, 0)) if kind and kind.problems else 0
