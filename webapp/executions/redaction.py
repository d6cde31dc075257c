"""Secrets are taken out of whatever comes from a runner, before anything of it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from webapp.core.redaction import MIN_SECRET, REDACTED

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
        self._known = re.compile("|".join(map(re.escape, self._secrets))) if known else None

    def text(self, text: str) -> str:
        """The text without secrets and what looks like one, as the database can keep it."""
        text = self.known(text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{REDACTED}", text)
        return text

    def known(self, text: str) -> str:
        """The text without the known secrets only, as the database can keep it."""
        text = _storable(text)
        return self._known.sub(REDACTED, text) if self._known else text

    def json(self, value: Any, *, most: int | None = None) -> Any:
        """The value without secrets in its texts, and without the values of secret fields.

        Of one that holds more than `most` values, the first ones.
        """
        left = count() if most is None else iter(range(most))
        return self._json(value, 0, left, is_known_only=False)

    def known_json(self, value: Any) -> Any:
        """The value without the known secrets only: what it says is used, whatever its names."""
        return self._json(value, 0, count(), is_known_only=True)

    def _json(self, value: Any, depth: int, left: Iterator[int], *, is_known_only: bool) -> Any:
        clean = self.known if is_known_only else self.text
        if isinstance(value, str):
            return clean(value)
        if depth >= MAX_DEPTH and isinstance(value, dict | list):
            return TOO_DEEP
        if isinstance(value, list):
            items = zip(value, left, strict=False)
            return [
                self._json(item, depth + 1, left, is_known_only=is_known_only) for item, _ in items
            ]
        if isinstance(value, dict):
            members = zip(value.items(), left, strict=False)
            return {
                clean(str(name)): REDACTED
                if not is_known_only and _is_secret(name, item)
                else self._json(item, depth + 1, left, is_known_only=is_known_only)
                for (name, item), _ in members
            }
        if isinstance(value, float) and not math.isfinite(value):
            return None  # JSON knows no such number
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            return None  # what is read again would be another number
        return value if isinstance(value, int | float | bool | None) else str(value)

    def split(self, text: str) -> tuple[str, str]:
        """What of a growing text can be shown, and its end that may yet become a secret.

        A whole secret whose end may begin another is held with it: it is never cut.
        """
        start = len(text)
        for secret in self._secrets:
            longest = min(len(secret) - 1, len(text))
            ends = (size for size in range(longest, 0, -1) if text.endswith(secret[:size]))
            start = min(start, len(text) - next(ends, 0))
        for whole in self._known.finditer(text) if self._known else ():
            if whole.start() < start < whole.end():
                start = whole.start()
        return text[:start], text[start:]


def _is_secret(name: Any, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and bool(_SECRET_NAME.match(str(name)))


def _storable(text: str) -> str:
    """Without what neither database keeps: NUL and halves of characters."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
