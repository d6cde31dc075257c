"""The log of an execution as a file: JSON or CSV, written while it is read.

See docs/contract/executions.md, export.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from webapp.core import clock
from webapp.executions.logs.services import count_levels, export_lines
from webapp.executions.models import Execution, Level, LogLine

Format = Literal["json", "csv"]
MEDIA_TYPES: dict[Format, str] = {"json": "application/json", "csv": "text/csv"}
COLUMNS = ("timestamp", "level", "message", "execution_id", "agent_id", "metadata")
#: with these a spreadsheet begins a formula
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write_export(
    kind: Format, execution: Execution, *, level: Level | None = None, q: str = ""
) -> Iterator[str]:
    """The lines that match, oldest first, in pieces that are made while they are fetched."""
    counts = count_levels(execution)
    parts = export_lines(execution, level=level, q=q)
    if kind == "csv":
        yield _line(COLUMNS)
        yield from (_write_csv(lines, execution) for lines in parts)
        return
    yield f'{{"executionId": {json.dumps(str(execution.id))}, "logs": ['
    is_first = True
    for lines in parts:
        written = ", ".join(json.dumps(_as_json(line), ensure_ascii=False) for line in lines)
        yield (written if is_first else f", {written}") if written else ""
        is_first = is_first and not written
    summary = {
        "totalLogs": sum(counts.values()),
        "errorCount": counts.get(Level.ERROR, 0),
        "warnCount": counts.get(Level.WARN, 0),
        "executionTime": execution.execution_time_ms,
    }
    yield f'], "summary": {json.dumps(summary)}}}\n'


def _as_json(line: LogLine) -> dict[str, Any]:
    return {
        "timestamp": clock.iso(line.at),
        "level": line.level,
        "step": line.step,
        "message": line.message,
        "metadata": line.fields,
    }


def _write_csv(lines: Sequence[LogLine], execution: Execution) -> str:
    return "".join(
        _line(
            (
                clock.iso(line.at),
                line.level,
                _cell(line.message),
                str(execution.id),
                str(execution.agent_id),
                json.dumps(line.fields, ensure_ascii=False) if line.fields else "",
            )
        )
        for line in lines
    )


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(text: str) -> str:
    """Messages are other people's: none becomes a formula in who opens the file."""
    return f"'{text}" if text.startswith(FORMULAS) else text
