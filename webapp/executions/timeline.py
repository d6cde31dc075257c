"""The recorded steps of an execution on the time that it took, and who said what in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from webapp.core.extensions import db
from webapp.executions.fitting import fit, weigh
from webapp.executions.models import Execution, ExecutionStep

#: steps that a page shows, and bytes of what is said in one part of one and in all
MAX_SHOWN = 60
MAX_NAME = 80
MAX_TEXT = 3_000
MAX_ALL = 30_000


@dataclass
class Step:
    """A model's answer or a tool's result: what it is called, who says what, and when.

    `left` and `width` are its place on the whole time, in percent.
    """

    number: int
    kind: str
    name: str
    begun_at: datetime
    ended_at: datetime
    said: list[tuple[str, str]] = field(default_factory=list)
    left: float = 0.0
    width: float = 100.0

    @property
    def milliseconds(self) -> int:
        return max(0, round((self.ended_at - self.begun_at).total_seconds() * 1000))


@dataclass(frozen=True)
class Timeline:
    """The first steps, and how many there are in all."""

    steps: Sequence[Step]
    count: int


def read_timeline(execution: Execution) -> Timeline:
    """What is recorded of an execution, in its order."""
    rows = db.session.scalars(
        select(ExecutionStep)
        .where(ExecutionStep.execution_id == execution.id)
        .order_by(ExecutionStep.number)
        .limit(MAX_SHOWN)
    ).all()
    steps: list[Step] = []
    left = MAX_ALL
    # A tool begins when the model has asked for it; several may run side by side.
    begun_at = asked_at = execution.started_at or execution.created_at
    for row in rows:
        is_model = row.kind == "model"
        step = Step(row.number, row.kind, _name(row), begun_at if is_model else asked_at, row.at)
        for label, text in _said(row.content, is_model):
            if left <= 0:
                break
            shown = fit(text, min(MAX_TEXT, left))
            left -= weigh(shown)
            step.said.append((label, shown))
        begun_at = max(begun_at, row.at)
        asked_at = row.at if is_model else asked_at
        steps.append(step)
    _place(steps, execution)
    return Timeline(steps, execution.step_count)


def _place(steps: Sequence[Step], execution: Execution) -> None:
    """Put the steps on the time from the first's beginning to the end of all."""
    if not steps:
        return
    start = steps[0].begun_at
    ends = [step.ended_at for step in steps]
    if execution.completed_at:
        ends.append(execution.completed_at)
    whole = max((max(ends) - start).total_seconds(), 0.001)
    for step in steps:
        step.left = min(99.0, 100 * (step.begun_at - start).total_seconds() / whole)
        step.width = max(1.0, min(100.0 - step.left, step.milliseconds / 10 / whole))


def _name(row: ExecutionStep) -> str:
    content = row.content if isinstance(row.content, dict) else {}
    name = content.get("model_name") if row.kind == "model" else content.get("name")
    return fit(str(name), MAX_NAME) if name else row.kind


def _said(content: Any, is_model: bool) -> list[tuple[str, str]]:
    """What was said, each with who or what says it."""
    if not isinstance(content, dict):
        return [("", _text(content))]
    if not is_model:
        shown = [("arguments", content.get("arguments")), ("result", content.get("result"))]
        return [(label, _text(value)) for label, value in shown if value not in (None, {}, "")]
    parts = content.get("parts")
    if not isinstance(parts, list):
        return [("", _text(content))]
    said = []
    for part in parts:
        if not isinstance(part, dict):
            continue
        if part.get("tool_name"):
            said.append((f"calls {fit(str(part['tool_name']), MAX_NAME)}", _text(part.get("args"))))
        elif part.get("content"):
            label = "thinks" if part.get("part_kind") == "thinking" else "says"
            said.append((label, _text(part["content"])))
    return said


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=1)
