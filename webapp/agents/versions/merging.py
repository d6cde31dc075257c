"""Bring two changes of one definition together: what each changed from where both began."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from merge3 import Merge3

from webapp.agents.models import DEFINITION
from webapp.agents.versions.diff import LISTS, TEXTS


@dataclass(frozen=True)
class Merge:
    """A definition with both changes; for a field of `conflicts` it has mine."""

    values: dict[str, Any]
    theirs: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def merge(base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]) -> Merge:
    """Field by field: what only one side changed is taken from there.

    Lists and long texts that both changed are merged by items and by lines where those do not
    touch; what is left is a conflict, for a person to decide.
    """
    result = Merge({})
    for name in DEFINITION:
        old, my, their = base.get(name), mine.get(name), theirs.get(name)
        if their != old:
            result.theirs.append(name)
        try:
            result.values[name] = _merge_value(name, old, my, their)
        except _Conflict:
            result.conflicts.append(name)
            result.values[name] = my
    return result


class _Conflict(Exception):
    """Both sides changed the same, and differently."""


def _merge_value(name: str, old: Any, my: Any, their: Any) -> Any:
    if their in (old, my):
        return my
    if my == old:
        return their
    if name in LISTS:
        added = [item for item in their if item not in old and item not in my]
        removed = [item for item in old if item not in their]
        return [item for item in my if item not in removed] + added
    if name in TEXTS:
        return _merge_text(old or "", my or "", their or "")
    if all(isinstance(value, dict) for value in (old, my, their)):
        keys = dict.fromkeys([*my, *their])
        merged = {key: _merge_value("", old.get(key), my.get(key), their.get(key)) for key in keys}
        return {key: value for key, value in merged.items() if key in my or value is not None}
    raise _Conflict


def _merge_text(old: str, my: str, their: str) -> str:
    base, mine, theirs = (text.splitlines(keepends=True) for text in (old, my, their))
    merged: list[str] = []
    for region in Merge3(base, mine, theirs).merge_groups():
        if region[0] == "conflict":
            raise _Conflict
        merged += region[1]
    return "".join(merged)
