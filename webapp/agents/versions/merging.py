"""Bring two changes of one definition together: what each changed from where both began."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from merge3 import Merge3

from webapp.agents.models import DEFINITION, is_same_value
from webapp.agents.versions.diff import LISTS, TEXTS


@dataclass(frozen=True)
class Merge:
    """A definition with both changes; for a field of `conflicts` it has ours."""

    values: dict[str, Any]
    theirs: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def merge(base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]) -> Merge:
    """Field by field: what only one side changed is taken from there.

    Lists and long texts that both changed are merged by items and by lines where those do not
    touch; what is left is a conflict, for a person to decide.
    """
    result = Merge({})
    for name in DEFINITION:
        old, our, their = base.get(name), ours.get(name), theirs.get(name)
        if not is_same_value(name, their, old):
            result.theirs.append(name)
        try:
            result.values[name] = _merge_value(name, old, our, their)
        except _Conflict:
            result.conflicts.append(name)
            result.values[name] = our
    return result


#: the value of a key that a side does not have; null is a value
_ABSENT = object()


class _Conflict(Exception):
    """Both sides changed the same, and differently."""


def _merge_value(name: str, old: Any, our: Any, their: Any) -> Any:
    if _is_same(name, our, old):
        return their
    if _is_same(name, their, old) or _is_same(name, their, our):
        return our
    if name in LISTS:
        added = [item for item in their if item not in old and item not in our]
        removed = [item for item in old if item not in their]
        return [item for item in our if item not in removed] + added
    if name in TEXTS:
        return _merge_text(old or "", our or "", their or "")
    if all(isinstance(value, dict) for value in (old, our, their)):
        merged = {
            key: _merge_value(name, *(value.get(key, _ABSENT) for value in (old, our, their)))
            for key in _merge_order(old, our, their)
        }
        return {key: value for key, value in merged.items() if value is not _ABSENT}
    raise _Conflict


def _is_same(name: str, left: Any, right: Any) -> bool:
    if left is _ABSENT or right is _ABSENT:
        return left is right
    return is_same_value(name, left, right)


def _merge_order(old: dict[str, Any], our: dict[str, Any], their: dict[str, Any]) -> list[str]:
    """The keys of both, in our order, or in theirs where only they have changed it."""
    is_old = [key for key in our if key in old] == [key for key in old if key in our]
    return list(dict.fromkeys([*their, *our] if is_old else [*our, *their]))


def _merge_text(old: str, our: str, their: str) -> str:
    base, ours, theirs = (text.splitlines(keepends=True) for text in (old, our, their))
    merged: list[str] = []
    for region in Merge3(base, ours, theirs).merge_groups():
        if region[0] == "conflict":
            raise _Conflict
        merged += region[1]
    return "".join(merged)
