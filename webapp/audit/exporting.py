"""The log as a file: CSV or JSON lines, written while it is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from webapp.audit import services
from webapp.audit.models import AuditEntry
from webapp.audit.schemas import EntryResponse, Format
from webapp.audit.services import Selection
from webapp.core.actor import Actor

MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
COLUMNS = list(EntryResponse.model_fields)
#: with these a spreadsheet begins a formula
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write_export(kind: Format, selection: Selection, *, actor: Actor) -> Iterator[str]:
    """The matching entries, newest first, in pieces that are made while they are fetched."""
    if kind == "csv":
        yield _line(COLUMNS)
    write = _write_csv if kind == "csv" else _write_lines
    for entries in services.export_entries(selection, actor=actor):
        yield write(entries)


def _write_lines(entries: Sequence[AuditEntry]) -> str:
    return "".join(
        EntryResponse.model_validate(entry).model_dump_json() + "\n" for entry in entries
    )


def _write_csv(entries: Sequence[AuditEntry]) -> str:
    rows = (EntryResponse.model_validate(entry).model_dump(mode="json") for entry in entries)
    return "".join(_line([_cell(row[column]) for column in COLUMNS]) for row in rows)


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: Any) -> str:
    """Names are other people's: none becomes a formula in who opens the file."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text
