"""The lists that have views: features bring a `ViewedList` each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from webapp.core.errors import NotFound
from webapp.core.feature import contributions


@dataclass(frozen=True)
class ViewedList:
    """A list whose address has filters and order; `parameters()` are the names of these."""

    name: str
    endpoint: str
    parameters: Callable[[], Collection[str]]

    def normalize(self, query_string: str) -> str:
        """The parameters of this list that say something, in one order."""
        known = self.parameters()
        pairs = parse_qsl(query_string.removeprefix("?"))
        return urlencode(sorted((name, value) for name, value in pairs if name in known and value))


def find_list(name: str) -> ViewedList:
    """The list of this name; NotFound where no feature brings it."""
    found = next((item for item in contributions(ViewedList) if item.name == name), None)
    if found is None:
        raise NotFound(f"List not found: {name[:40]}")
    return found
