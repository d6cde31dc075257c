"""Paths written as lines: cells of CSV from the top down, or labels with `>` between them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from webapp.core.errors import Invalid
from webapp.taxonomies.graph import MAX_DEPTH

MAX_LABEL = 255
DELIMITERS = (",", ";", "\t")
#: a first line of these words alone names the levels and is no topic
_LEVEL = re.compile(r"((level|ebene|niveau|nivel)[ _-]?\d+|(sub[ -]?)?(category|topic))", re.I)
#: a first line with one of each is of a table in which lines name the topic above by its name or id
_ABOVE = re.compile(r"parent([ _-]?(id|name))?", re.I)
_ITSELF = re.compile(r"id|name|label|title|topic", re.I)


@dataclass(frozen=True)
class Lines:
    """The paths of a text, and the line that only names the levels; empty where there is none."""

    paths: list[list[str]]
    header: str


def read_lines(text: str) -> Lines:
    """The paths of the lines. Raises Invalid with the number of the line that is none."""
    paths: list[list[str]] = []
    header = ""
    try:
        for number, row in _rows(text, _find_delimiter(text)):
            is_cut = len(row) == 1
            path = [" ".join(cell.split()) for cell in (row[0].split(">") if is_cut else row)]
            while path and not path[-1]:
                path.pop()
            if not paths and not header and len(path) > 1 and not is_cut:
                if all(map(_LEVEL.fullmatch, path)):
                    header = ", ".join(path)
                    continue
                if any(map(_ABOVE.fullmatch, path)) and any(map(_ITSELF.fullmatch, path)):
                    raise Invalid(
                        f"Line {number} heads a table that names the topic above in a column. "
                        "Write each topic as its path instead, a cell a level: Food, Bread, "
                        "Rye bread."
                    )
            if path:
                _check(path, number)
                paths.append(path)
    except csv.Error as error:
        raise Invalid(f"This is not CSV: {error}.") from error
    return Lines(paths, header)


def _find_delimiter(text: str) -> str:
    """The first delimiter that cuts all lines into as many cells, else the comma.

    Lines that all have a `>` are paths already, whatever else is in their labels.
    """
    if all(">" in line for line in text.splitlines() if line.strip()):
        return ","
    for delimiter in DELIMITERS:
        widths = {len(row) for _, row in _rows(text, delimiter) if row}
        if len(widths) == 1 and widths != {1}:
            return delimiter
    return ","


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Cells with the number of the line in which they begin."""
    # Lines may end as on any system.
    lines = io.StringIO(text, newline=None)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    number = 1
    for row in reader:
        yield number, row
        number = reader.line_num + 1


def _check(path: list[str], number: int) -> None:
    """Raise Invalid where the labels of a line are no path."""
    if "" in path:
        rest = next(label for label in path[path.index("") :] if label)
        raise Invalid(
            f"Line {number} has nothing above “{_short(rest)}”. A line is a path from the top "
            "down; only its last cells may be empty."
        )
    if len(path) > MAX_DEPTH:
        raise Invalid(f"Line {number} has {len(path)} levels; a taxonomy has at most {MAX_DEPTH}.")
    long = next((label for label in path if len(label) > MAX_LABEL), None)
    if long:
        raise Invalid(
            f"Line {number}: the name “{_short(long)}” has {len(long)} characters; "
            f"a topic's has at most {MAX_LABEL}."
        )


def _short(label: str) -> str:
    return label if len(label) <= 40 else f"{label[:39]}…"
