"""Secrets are taken out of whatever comes from a runner, before anything of it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

REDACTED = "[redacted]"
#: a shorter value is no secret, and stands in many a word
MIN_SECRET = 6
#: so deep is what is written; a runner may send anything
MAX_DEPTH = 40
#: of whole numbers, as of those of inputs
MAX_INTEGER = 2**63 - 1
TOO_DEEP = "[nested too deeply]"

#: names of fields and headers whose whole value is a secret
_SECRET_NAME = re.compile(
    r"(?i)^(?:(?:proxy-)?authorization|(?:x-)?api[-_]?key|(?:set-)?cookie|password|passwd|secret|"
    r"client[-_]secret|(?:access|refresh|id|auth|bearer)[-_]?token|token|private[-_]key)$"
)
#: what looks like a secret wherever it stands; what is kept of it, is in the first group
_PATTERNS = (
    re.compile(r"(?i)(\b(?:proxy-)?authorization\b[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)[^\s\"',;]+"),
    re.compile(r"(?i)(\bbearer\s+)[a-z0-9._~+/=-]{16,}"),
    re.compile(r"(?i)(\b(?:x-)?api[-_]?key\b[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&]{6,}"),
    re.compile(r"(\b)(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}"),
    re.compile(r"(\b)cb_[A-Za-z0-9_-]{16,}"),
    re.compile(r"(\b)(?:ghp|gho|ghs|ghu|github_pat|glpat|xox[abpr])[-_][A-Za-z0-9_-]{16,}"),
    re.compile(r"(\b)AKIA[0-9A-Z]{16}\b"),
    re.compile(r"(\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,100}:)[^\s/@]{1,200}(?=@)"),
)  # fmt: skip


class Redactor:
    """Takes known secrets, and what looks like one, out of texts and JSON."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= MIN_SECRET}
        # The longest first, so that one that begins another leaves nothing of it.
        self._secrets = sorted(known, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets, as the database can keep it."""
        text = _storable(text)
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{REDACTED}", text)
        return text

    def json(self, value: Any, *, most: int | None = None) -> Any:
        """The value without secrets in its texts, and without the values of secret fields.

        Of one that holds more than `most` values, the first ones.
        """
        return self._json(value, 0, count() if most is None else iter(range(most)))

    def _json(self, value: Any, depth: int, left: Iterator[int]) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth >= MAX_DEPTH and isinstance(value, dict | list):
            return TOO_DEEP
        if isinstance(value, list):
            return [self._json(item, depth + 1, left) for item, _ in zip(value, left, strict=False)]
        if isinstance(value, dict):
            members = zip(value.items(), left, strict=False)
            return {
                self.text(str(k)): self._member(k, item, depth, left) for (k, item), _ in members
            }
        if isinstance(value, float) and not math.isfinite(value):
            return None  # JSON knows no such number
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            return None  # what is read again would be another number
        return value if isinstance(value, int | float | bool | None) else str(value)

    def _member(self, name: Any, value: Any, depth: int, left: Iterator[int]) -> Any:
        if isinstance(value, str) and value and _SECRET_NAME.match(str(name)):
            return REDACTED
        return self._json(value, depth + 1, left)

    def split(self, text: str) -> tuple[str, str]:
        """What of a growing text can be shown, and its end that may yet become a secret."""
        held = 0
        for secret in self._secrets:
            longest = min(len(secret) - 1, len(text))
            ends = (size for size in range(longest, held, -1) if text.endswith(secret[:size]))
            held = max(held, next(ends, 0))
        return (text[:-held], text[-held:]) if held else (text, "")


def _storable(text: str) -> str:
    """Without what neither database keeps: NUL and halves of characters."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
