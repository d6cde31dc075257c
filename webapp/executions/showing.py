"""What pages show of an execution: as much of everything as a page of bounded size has room for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import select

from webapp.agents.models import Agent, as_uuid
from webapp.core.extensions import db
from webapp.core.rendering import render
from webapp.executions.fitting import fit, weigh
from webapp.executions.logs.services import LINES_AT_ONCE
from webapp.executions.models import Execution, LogLine, OutputChunk
from webapp.executions.timeline import read_timeline

#: bytes of HTML that a part of the page takes
MAX_OUTPUT = 40_000
MAX_INPUT = 10_000
MAX_LOG = 40_000
MAX_MESSAGE = 1_500
MAX_FIELDS = 500
#: of a line beside its message and its fields
LINE_BYTES = 450
#: characters of an output that are drawn as Markdown
MAX_DRAWN = 12_000
#: the last pieces of an output that grows
MAX_CHUNKS = 400
MAX_TITLE = 120
MAX_CITATIONS = 50
#: how deep, and how many members of, a structured output is drawn as a tree
MAX_DEPTH = 8
MAX_MEMBERS = 300


@dataclass(frozen=True)
class Citation:
    """A passage that an output stands on; `chunk_id` is None where nobody could look it up."""

    title: str
    doc_id: UUID | None
    chunk_id: int | None
    score: float | None


@dataclass(frozen=True)
class Output:
    """What is shown of an output: a text, drawn, with citations, or a value; `is_cut`: not all."""

    html: Markup | None = None
    value: Any = None
    citations: Sequence[Citation] = ()
    is_cut: bool = False
    grows: bool = False


@dataclass(frozen=True)
class Line:
    """A line of the log; what is cut of it ends with an ellipsis."""

    line: LogLine
    message: str
    fields: str


@dataclass(frozen=True)
class LogPart:
    """The newest lines there is room for, oldest first; `before`: where the older ones end."""

    lines: Sequence[Line]
    before: int | None


def read_parts(execution: Execution) -> dict[str, Any]:
    """What the page of an execution and its pushed parts are drawn from."""
    return {
        "execution": execution,
        "agent": db.session.get(Agent, execution.agent_id),
        "title": title_of(execution),
        "input": fit(_written(execution.input), MAX_INPUT),
        "value_of_input": _tree_of(execution.input),
        "output": read_output(execution),
        "timeline": read_timeline(execution),
    }


def read_side(execution: Execution) -> dict[str, Any]:
    """What a comparison shows of one of its executions."""
    return {
        "execution": execution,
        "agent": db.session.get(Agent, execution.agent_id),
        "title": title_of(execution),
        "input": fit(_written(execution.input), MAX_INPUT),
        "output": read_output(execution),
    }


def title_of(execution: Execution) -> str:
    """The first words of what an execution was given."""
    given = execution.input
    prompt = given.get("prompt")
    said = (
        prompt
        if isinstance(prompt, str)
        else ", ".join(f"{name}: {_short(value)}" for name, value in given.items())
    )
    line = " ".join(said[: 4 * MAX_TITLE].split())
    return f"{line[:MAX_TITLE]}…" if len(line) > MAX_TITLE else line or "(empty)"


def text_of(output: Any) -> str | None:
    """The text of an output without a schema; None of any other."""
    is_text = isinstance(output, dict) and output.keys() == {"text", "citations"}
    return output["text"] if is_text and isinstance(output["text"], str) else None


def read_output(execution: Execution) -> Output | None:
    """What there is of the output now, None before its first piece."""
    if execution.output is None:
        so_far = "" if execution.is_finished else _read_growing(execution)
        return Output(_draw(so_far[-MAX_DRAWN:]), grows=True) if so_far else None
    text = text_of(execution.output)
    if text is None:
        return _draw_value(execution.output)
    return Output(
        _draw(text[:MAX_DRAWN]),
        citations=_read_citations(execution.output["citations"]),
        is_cut=len(text) > MAX_DRAWN,
    )


def fit_lines(lines: Sequence[LogLine]) -> LogPart:
    """The newest of `lines`, newest first, that a page has room for."""
    shown: list[Line] = []
    left = MAX_LOG
    for line in lines:
        message, fields = fit(line.message, MAX_MESSAGE), fit(_fields(line.fields), MAX_FIELDS)
        left -= LINE_BYTES + weigh(message) + weigh(fields)
        if left < 0:
            break
        shown.append(Line(line, message, fields))
    has_older = len(shown) < len(lines) or len(lines) == LINES_AT_ONCE
    return LogPart(shown[::-1], shown[-1].line.sequence if shown and has_older else None)


def _read_citations(cited: Any) -> list[Citation]:
    """What an output cites; it comes out of a runner, so that nothing of its shape is sure."""
    found = cited[:MAX_CITATIONS] if isinstance(cited, list) else []
    return [_read_citation(item) for item in found if isinstance(item, dict)]


def _read_citation(item: dict[str, Any]) -> Citation:
    chunk_id, score = item.get("chunk_id"), item.get("score")
    return Citation(
        fit(str(item.get("title") or "Untitled"), MAX_TITLE),
        as_uuid(str(item.get("doc_id"))),
        chunk_id if isinstance(chunk_id, int) else None,
        score if isinstance(score, int | float) else None,
    )


def _draw(text: str) -> Markup:
    """A text drawn as Markdown; as it stands where its marks would make it too long."""
    drawn = render(text)
    if len(drawn.encode()) <= MAX_OUTPUT:
        return drawn
    return render(fit(text, MAX_OUTPUT), "text/plain")


def _draw_value(value: Any) -> Output:
    """A structured output: as a tree, or the beginning of its JSON where that would be too long."""
    written = _written(value)
    if weigh(written) <= MAX_OUTPUT // 2 and _count(value) <= MAX_MEMBERS:
        return Output(value=value)
    shown = fit(written, MAX_OUTPUT // 2)
    return Output(render(shown, "text/plain"), is_cut=shown != written)


def _tree_of(given: dict[str, Any]) -> dict[str, Any] | None:
    """An input to be drawn as a tree; None of one that is a text, or too long."""
    written = json.dumps(given, ensure_ascii=False)
    is_text = given.keys() == {"prompt"} and isinstance(given["prompt"], str)
    is_short = weigh(written) <= MAX_INPUT and _count(given) <= MAX_MEMBERS // 3
    return given if given and is_short and not is_text else None


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _count(value: Any, depth: int = 0) -> int:
    """How many values a tree has; too many where it is too deep."""
    if depth > MAX_DEPTH:
        return MAX_MEMBERS + 1
    members: Iterable[Any] = ()
    if isinstance(value, dict | list):
        members = value.values() if isinstance(value, dict) else value
    return 1 + sum(_count(member, depth + 1) for member in members)


def _read_growing(execution: Execution) -> str:
    """The end of what the present try has said until now."""
    chunks = db.session.scalars(
        select(OutputChunk.text)
        .where(OutputChunk.execution_id == execution.id)
        .order_by(OutputChunk.sequence.desc())
        .limit(MAX_CHUNKS)
    )
    pieces: list[str] = []
    for piece in chunks:
        if piece is None:
            break
        pieces.append(piece)
    return "".join(reversed(pieces))


def _written(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"prompt"} and isinstance(value["prompt"], str):
        return value["prompt"]
    return json.dumps(value, ensure_ascii=False, indent=2)


def _fields(fields: dict[str, Any]) -> str:
    """Metadata in a line: `tokens=12 model=gpt`."""
    said = (
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in fields.items()
    )
    return " ".join(f"{name}={value}" for name, value in said)
