"""What a runner tells is checked, redacted and written, many messages in one transaction.

Nothing that comes out of a runner is trusted: what is not of the shape that it should have is left
out, and everything has a bound.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from webapp.core.database.transactions import do_not_wait_for_disk
from webapp.core.extensions import db
from webapp.engine.runs import Run
from webapp.executions.changes import MAX_FIELDS, announce, log_line
from webapp.executions.failures import CODES, MAX_MESSAGE, MAX_SUGGESTION, MAX_SUGGESTIONS, Failure
from webapp.executions.models import Execution, ExecutionStep, Level, OutputChunk
from webapp.executions.redaction import Redactor

#: characters of output that are written while it grows; the whole comes at the end
MAX_SHOWN = 1_000_000
MEBIBYTE = 1024 * 1024
MAX_STEPS = 1_000
#: of all that they hold, as JSON: another worker's order has to have room for it
MAX_STEPS_BYTES = 2 * MEBIBYTE
STEP_KINDS = ("model", "tool")
NO_STEP = "A step has a kind, model or tool, and content."
#: steps of lines that are written by nobody but us
OUR_STEPS = ("accept", "start", "retry", "end")
#: values that a line's metadata have room for, however short
MAX_VALUES = MAX_FIELDS // 2
#: no execution takes as much of anything
MAX_COUNT = 10**12
_COUNTS = ("model_requests", "input_tokens", "output_tokens")


@dataclass
class Ending:
    """What a runner says last: its result, or why it has none."""

    output: Any = None
    failure: Failure | None = None


@dataclass
class Recorder:
    """Gathers the messages of one run of an execution and writes them.

    `spent()` are the milliseconds that this run and those before it have taken.
    """

    run: Run[Execution]
    redactor: Redactor
    spent: Callable[[], int]
    ending: Ending | None = None
    #: how long the contents of the recorded steps are
    step_bytes: int = 0
    _lines: list[tuple[Level, str, str, dict[str, Any]]] = field(default_factory=list)
    _usage: dict[str, Any] = field(default_factory=dict)
    #: what is to be shown of the output, its end that may become a secret, and how much was shown
    _text: str = ""
    _held: str = ""
    _shown: int = 0

    _cpu_ms: int = 0
    _memory_mb: float = 0.0

    @property
    def has_news(self) -> bool:
        return bool(self._lines or self._usage or self._text)

    def take(self, message: Mapping[str, Any]) -> None:
        """Gather one message; what it does not know is left out."""
        if isinstance(line := message.get("log"), dict):
            self._take_line(line)
        if isinstance(piece := message.get("output"), str):
            # What was shown is not to be had back, so the beginning of a secret waits for its end.
            shown, self._held = self.redactor.split(self._held + piece)
            self._text += self.redactor.known(shown)
        if isinstance(usage := message.get("usage"), dict):
            self._take_usage(usage)
        if isinstance(result := message.get("result"), dict) and self.ending is None:
            self.ending = Ending(output=self.redactor.known_json(result.get("output")))
            if isinstance(usage := result.get("usage"), dict):
                self._take_usage(usage)
        if isinstance(failure := message.get("failure"), dict) and self.ending is None:
            self.ending = Ending(failure=self._read_failure(failure))
        if self.ending is not None:
            self._text, self._held = self._text + self.redactor.known(self._held), ""

    def take_resources(self, *, cpu_seconds: float, memory_bytes: int) -> None:
        """What the runner took, known when it has ended."""
        self._cpu_ms = round(cpu_seconds * 1000)
        self._memory_mb = round(memory_bytes / MEBIBYTE, 1)

    def write(self) -> None:
        """Write what was gathered, in a transaction of its own; nothing where there is nothing.

        Raises as `Run.hold` does where the run is to stop.
        """
        if self.has_news:
            do_not_wait_for_disk()  # the next run would tell it again; steps and ends wait
            self.run.hold()
            self.add()
            self._commit()

    def add(self) -> None:
        """Add what was gathered to the running transaction, which holds the row."""
        execution = self.run.row
        for level, step, message, fields in self._lines:
            log_line(execution, level, step, message, fields)
        self._add_usage(execution)
        if text := self._shown_text():
            execution.has_chunks = True
            add_chunk(execution, text)
        execution.execution_time_ms = self.spent()
        execution.cpu_time_ms += self._cpu_ms
        execution.memory_peak_mb = max(execution.memory_peak_mb, self._memory_mb)

    def record(self, step: Any) -> dict[str, Any]:
        """Keep a step before it is used, with all that was gathered before it; {} where it is kept.

        It is committed when this returns, so that nobody pays for it again.
        """
        if not isinstance(step, dict) or step.get("kind") not in STEP_KINDS:
            return {"error": NO_STEP}
        self.run.hold()
        execution = self.run.row
        if execution.step_count >= MAX_STEPS:
            db.session.rollback()
            return {"error": f"An execution has at most {MAX_STEPS} steps."}
        content = self.redactor.known_json(step.get("content"))
        if content is None:
            db.session.rollback()
            return {"error": NO_STEP}
        size = weigh(content)
        if self.step_bytes + size > MAX_STEPS_BYTES:
            db.session.rollback()
            most = f"{MAX_STEPS_BYTES:,} bytes"
            return {"error": f"What models and tools answer is more than {most} altogether."}
        self.add()
        execution.step_count += 1
        db.session.add(
            ExecutionStep(
                execution_id=execution.id,
                number=execution.step_count,
                kind=step["kind"],
                call_id=self.redactor.known(str(step.get("call_id") or ""))[:255],
                content=content,
            )
        )
        self._commit()
        self.step_bytes += size
        return {}

    def _commit(self) -> None:
        announce(self.run.row, is_listed=False)
        self.run.save({})
        # Not before: what could not be written is written by the next try.
        self._shown += len(self._shown_text())
        self._lines, self._usage, self._text = [], {}, ""

    def _shown_text(self) -> str:
        return self._text[: max(0, MAX_SHOWN - self._shown)]

    def _take_line(self, line: dict[str, Any]) -> None:
        fields = line.get("metadata")
        level, step = str(line.get("level")), str(line.get("step") or "")
        self._lines.append(
            (
                Level(level) if level in list(Level) else Level.INFO,
                "runner" if step in OUR_STEPS else self.redactor.text(step),
                self.redactor.text(str(line.get("message") or "")),
                self.redactor.json(fields, most=MAX_VALUES) if isinstance(fields, dict) else {},
            )
        )

    def _take_usage(self, usage: dict[str, Any]) -> None:
        """Totals of the execution, what was replayed included."""
        for name in _COUNTS:
            if _is_count(usage.get(name)):
                self._usage[name] = int(usage[name])
        if _is_count(usage.get("cost_usd")):
            self._usage["cost_usd"] = float(usage["cost_usd"])
        elif "cost_usd" in usage and usage["cost_usd"] is None:
            self._usage["cost_usd"] = None

    def _add_usage(self, execution: Execution) -> None:
        """No total falls: a try does not know of answers before it that were not recorded."""
        if "cost_usd" in self._usage:
            told, known = self._usage["cost_usd"], execution.cost_usd
            is_unknown = told is None or (known is None and execution.model_requests > 0)
            execution.cost_usd = None if is_unknown else max(known or 0.0, told)
        for name in _COUNTS:
            if name in self._usage:
                setattr(execution, name, max(getattr(execution, name), self._usage[name]))

    def _read_failure(self, failure: dict[str, Any]) -> Failure:
        code = str(failure.get("code"))
        given = failure.get("suggestions")
        suggestions = given if isinstance(given, list) else []
        retry_after = failure.get("retry_after")
        return Failure(
            code if code in CODES else "execution_failed",
            self.redactor.text(str(failure.get("message") or "It failed without a reason."))[
                :MAX_MESSAGE
            ],
            [
                self.redactor.text(str(item))[:MAX_SUGGESTION]
                for item in suggestions[:MAX_SUGGESTIONS]
            ],
            float(retry_after) if _is_count(retry_after) and retry_after is not None else None,
        )


def add_chunk(execution: Execution, text: str | None) -> None:
    """Add a piece of output; None where what was shown before counts no more."""
    db.session.add(
        OutputChunk(execution_id=execution.id, sequence=execution.next_sequence(), text=text)
    )


def read_steps(execution: Execution) -> list[dict[str, Any]]:
    """The recorded steps, in their order, as an order carries them."""
    steps = db.session.scalars(
        select(ExecutionStep)
        .where(ExecutionStep.execution_id == execution.id)
        .order_by(ExecutionStep.number)
    )
    return [
        {"number": step.number, "kind": step.kind, "call_id": step.call_id, "content": step.content}
        for step in steps
    ]


def weigh(content: Any) -> int:
    """The bytes that a step's content takes in an order."""
    return len(json.dumps(content, ensure_ascii=False).encode())


def _is_count(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= MAX_COUNT
