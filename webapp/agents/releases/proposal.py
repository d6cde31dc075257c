"""Which semantic version a change deserves (docs/contract/versions.md, 6.1)."""

from __future__ import annotations

from typing import Any

from semver import Version

from webapp.agents.models import SCHEMAS
from webapp.agents.versions.diff import diff

FIRST = "1.0.0"


def next_semvers(last: str) -> list[tuple[str, str]]:
    """The three that may follow a release, each with what it is for, smallest step first."""
    version = Version.parse(last)
    return [
        (str(version.bump_patch()), "texts and settings"),
        (str(version.bump_minor()), "instructions or schemas"),
        (str(version.bump_major()), "a schema that breaks its users"),
    ]


def propose_semver(last: str | None, before: dict[str, Any], after: dict[str, Any]) -> str:
    """The next semantic version after `last`, for a change from one snapshot to the other.

    A schema that breaks its users asks for a major version; another change of a schema, or of
    the instructions, for a minor one; the rest for a patch. Nothing before: 1.0.0.
    """
    if last is None:
        return FIRST
    version = Version.parse(last)
    changed = {change.field for change in diff(before, after)}
    if any(_breaks(name, before.get(name), after.get(name)) for name in SCHEMAS):
        return str(version.bump_major())
    if changed & {"instructions", *SCHEMAS}:
        return str(version.bump_minor())
    return str(version.bump_patch())


def _breaks(name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> bool:
    """Whether who sent, or read, what the schema described would now be let down."""
    if before == after:
        return False
    if name == "input_schema":
        return after is not None and _asks_more(before or {}, after)
    return before is not None and (after is None or _promises_less(before, after))


def _asks_more(before: dict[str, Any], after: dict[str, Any]) -> bool:
    newly = set(_required(after)) - set(_required(before))
    closed = after.get("additionalProperties") is False
    gone = set(_properties(before)) - set(_properties(after)) if closed else set()
    return bool(newly or gone) or _has_other_type(before, after)


def _promises_less(before: dict[str, Any], after: dict[str, Any]) -> bool:
    no_longer = set(_required(before)) - set(_required(after))
    gone = set(_properties(before)) - set(_properties(after))
    return bool(no_longer or gone) or _has_other_type(before, after)


def _has_other_type(before: dict[str, Any], after: dict[str, Any]) -> bool:
    if "type" in before and before["type"] != after.get("type", before["type"]):
        return True
    old, new = _properties(before), _properties(after)
    return any(
        isinstance(old[name], dict)
        and isinstance(new[name], dict)
        and _has_other_type(old[name], new[name])
        for name in old.keys() & new.keys()
    )


def _required(schema: dict[str, Any]) -> list[str]:
    value = schema.get("required")
    return value if isinstance(value, list) else []


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    value = schema.get("properties")
    return value if isinstance(value, dict) else {}
