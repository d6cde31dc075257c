"""What differs between two definitions: fields, items of lists, lines and words of texts.

Everything here is a pure function of two snapshots; pages and the API draw the same result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import Any, Literal

from webapp.agents.models import DEFINITION, is_same_value

#: A longest common subsequence costs a bit for each pair of lines; above this the texts are
#: shown as replaced.
MAX_PAIRS = 100_000_000
#: lines that are less alike than this (of 100) are another line, not a changed one
ALIKE = 45
#: unchanged lines that stay open around a change
CONTEXT = 3

TEXTS = frozenset({"description", "instructions", "persona", "scope_description"})
LISTS = frozenset({"handoff_targets", "tools", "panels"})
SETTINGS = frozenset({"retrieval_config"})
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Op = Literal[" ", "+", "-"]
Span = tuple[int, int]


@dataclass(frozen=True)
class Line:
    """One line of a text diff: `" "` in both, `"-"` only before, `"+"` only after."""

    op: Op
    text: str


@dataclass(frozen=True)
class Items:
    """A list seen as a set: what came, what went, and whether the rest changed its order."""

    added: list[str]
    removed: list[str]
    is_reordered: bool


@dataclass(frozen=True)
class Change:
    """One field that differs; `lines` for texts and schemas, `items` for lists."""

    field: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any
    lines: list[Line] | None = None
    items: Items | None = None

    @property
    def sections(self) -> list[Section]:
        """The texts side by side, for a page."""
        return side_by_side(text_of(self.before), text_of(self.after))

    @property
    def settings(self) -> list[tuple[str, str, str]]:
        """Of a field that holds settings: those that differ, by name, before and after.

        What is not set is an empty text. Empty for every other field.
        """
        if self.field not in SETTINGS:
            return []
        before, after = self.before or {}, self.after or {}
        pairs = ((name, before.get(name), after.get(name)) for name in {**before, **after})
        return [(name, text_of(old), text_of(new)) for name, old, new in pairs if old != new]


@dataclass(frozen=True)
class Row:
    """Two lines side by side, numbered from 1, with the spans of the words that differ."""

    left: str | None
    right: str | None
    left_number: int | None = None
    right_number: int | None = None
    left_spans: Sequence[Span] = ()
    right_spans: Sequence[Span] = ()

    @property
    def is_same(self) -> bool:
        return self.left_number is not None and self.right_number is not None and (
            self.left == self.right
        )  # fmt: skip


@dataclass(frozen=True)
class UnifiedLine:
    """One line of the unified view, with the numbers it has on the sides where it stands."""

    op: Op
    text: str
    left_number: int | None
    right_number: int | None
    spans: Sequence[Span] = ()


@dataclass
class Section:
    """Neighbouring rows that are drawn together; `is_folded` ones are unchanged and closed."""

    is_folded: bool
    rows: list[Row] = field(default_factory=list)

    @property
    def unified(self) -> Iterator[UnifiedLine]:
        """The rows one below the other: of neighbouring changed ones, first all that went."""
        for is_same, group in groupby(self.rows, key=lambda row: row.is_same):
            rows = list(group)
            if is_same:
                for row in rows:
                    yield UnifiedLine(" ", row.left or "", row.left_number, row.right_number)
                continue
            for row in rows:
                if row.left is not None:
                    yield UnifiedLine("-", row.left, row.left_number, None, row.left_spans)
            for row in rows:
                if row.right is not None:
                    yield UnifiedLine("+", row.right, None, row.right_number, row.right_spans)


def diff(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """The fields that differ, in the order of the definition; unknown older fields last."""
    names = [*DEFINITION, *(name for name in before if name not in DEFINITION)]
    return [
        _change(name, before.get(name), after.get(name))
        for name in names
        if not is_same_value(name, before.get(name), after.get(name))
    ]


def diff_lines(before: str, after: str) -> list[Line]:
    """A shortest way from one text to the other, line by line."""
    old, new = before.splitlines(), after.splitlines()
    lines = []
    for tag, i1, i2, j1, j2 in _opcodes(old, new):
        if tag == "equal":
            lines += [Line(" ", text) for text in old[i1:i2]]
        else:
            lines += [Line("-", text) for text in old[i1:i2]]
            lines += [Line("+", text) for text in new[j1:j2]]
    return lines


def side_by_side(before: str, after: str) -> list[Section]:
    """Both texts in rows, changed lines beside each other, far unchanged ones folded away."""
    return _fold(list(_rows(before.splitlines(), after.splitlines())))


def text_of(value: Any) -> str:
    """A value as lines that can be compared."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _change(name: str, before: Any, after: Any) -> Change:
    kind: Literal["added", "removed", "changed"] = "changed"
    if _is_empty(before):
        kind = "added"
    elif _is_empty(after):
        kind = "removed"
    lines = items = None
    if name in LISTS:
        items = _compare_items(before or [], after or [])
    elif name in TEXTS or isinstance(before, dict) or isinstance(after, dict):
        lines = diff_lines(text_of(before), text_of(after))
    return Change(name, kind, before, after, lines, items)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _compare_items(before: list[str], after: list[str]) -> Items:
    kept_before = [item for item in before if item in after]
    kept_after = [item for item in after if item in before]
    return Items(
        added=[item for item in after if item not in before],
        removed=[item for item in before if item not in after],
        is_reordered=kept_before != kept_after,
    )


def _opcodes(old: list[str], new: list[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Like difflib's opcodes, of a longest common subsequence; common ends are taken off first."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    if start:
        yield "equal", 0, start, 0, start
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    if left or right:
        yield from _merged(left, right, start)
    if end:
        yield "equal", len(old) - end, len(old), len(new) - end, len(new)


def _merged(
    left: list[str], right: list[str], start: int
) -> Iterator[tuple[str, int, int, int, int]]:
    """Neighbouring deletions and insertions as one replacement."""
    if len(left) * len(right) > MAX_PAIRS:
        yield "replace", start, start + len(left), start, start + len(right)
        return
    from rapidfuzz.distance import LCSseq

    waiting: tuple[int, int, int, int] | None = None
    for code in LCSseq.opcodes(left, right):
        span = (code.src_start, code.src_end, code.dest_start, code.dest_end)
        i1, i2, j1, j2 = (number + start for number in span)
        if code.tag == "equal":
            if waiting is not None:
                yield ("replace", *waiting)
            waiting = None
            yield "equal", i1, i2, j1, j2
        else:
            waiting = (i1, i2, j1, j2) if waiting is None else (waiting[0], i2, waiting[2], j2)
    if waiting is not None:
        yield ("replace", *waiting)


def _rows(old: list[str], new: list[str]) -> Iterator[Row]:
    for tag, i1, i2, j1, j2 in _opcodes(old, new):
        if tag == "equal":
            for offset in range(i2 - i1):
                i, j = i1 + offset, j1 + offset
                yield Row(old[i], new[j], i + 1, j + 1)
        else:
            yield from _replaced(old[i1:i2], new[j1:j2], i1 + 1, j1 + 1)


def _replaced(old: list[str], new: list[str], i: int, j: int) -> Iterator[Row]:
    from rapidfuzz import fuzz

    for offset, (left, right) in enumerate(zip_longest(old, new)):
        left_number = None if left is None else i + offset
        right_number = None if right is None else j + offset
        if left is None or right is None or fuzz.ratio(left, right) < ALIKE:
            yield Row(left, right, left_number, right_number)
            continue
        left_spans, right_spans = _word_spans(left, right)
        yield Row(left, right, left_number, right_number, left_spans, right_spans)


def _word_spans(left: str, right: str) -> tuple[list[Span], list[Span]]:
    """Where the words of two versions of a line differ, as character spans."""
    old, new = _WORD.findall(left), _WORD.findall(right)
    if len(old) * len(new) > MAX_PAIRS // 100:
        return [(0, len(left))], [(0, len(right))]
    left_spans: list[Span] = []
    right_spans: list[Span] = []
    left_ends, right_ends = _ends(old), _ends(new)
    for tag, i1, i2, j1, j2 in _opcodes(old, new):
        if tag != "equal":
            left_spans += _span(left_ends, i1, i2)
            right_spans += _span(right_ends, j1, j2)
    return left_spans, right_spans


def _ends(words: list[str]) -> list[int]:
    ends, at = [0], 0
    for word in words:
        at += len(word)
        ends.append(at)
    return ends


def _span(ends: list[int], start: int, stop: int) -> list[Span]:
    return [(ends[start], ends[stop])] if stop > start else []


def _fold(rows: list[Row]) -> list[Section]:
    changed = [index for index, row in enumerate(rows) if not row.is_same]
    near = {index + offset for index in changed for offset in range(-CONTEXT, CONTEXT + 1)}
    sections: list[Section] = []
    for index, row in enumerate(rows):
        is_folded = index not in near
        if not sections or sections[-1].is_folded != is_folded:
            sections.append(Section(is_folded))
        sections[-1].rows.append(row)
    for section in sections:
        # Two hidden lines would take as much room as the words that say so.
        section.is_folded = section.is_folded and len(section.rows) > 2
    return sections
