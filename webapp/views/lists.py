"""The lists that have views: features bring a `ViewedList` each."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel

from webapp.core.added_fields import complete
from webapp.core.errors import NotFound
from webapp.core.feature import contributions
from webapp.core.schemas import read_text

#: parameters that say which part of a list is shown
PLACES = {"limit", "offset", "cursor"}


@dataclass(frozen=True)
class ViewedList:
    """A list whose address has filters and order, all of which its page reads with `schema`."""

    name: str
    endpoint: str
    schema: type[BaseModel]

    def normalize(self, query_string: str) -> str:
        """The parameters of this list that say something, in one order, without its page."""
        return urlencode(sorted(self._parameters(query_string)))

    def check(self, query_string: str) -> None:
        """Raise Invalid, with the field, where the list's own page would."""
        read_text(self.schema, dict(self._parameters(query_string)))

    def _parameters(self, query_string: str) -> list[tuple[str, str]]:
        fields = complete(self.schema).model_fields
        known = {item.alias or name for name, item in fields.items()} - PLACES
        pairs = parse_qsl(query_string.removeprefix("?"))
        return [(name, value) for name, value in pairs if name in known and value]


def find_list(name: str) -> ViewedList:
    """The list of this name; NotFound where no feature brings it."""
    found = next((item for item in contributions(ViewedList) if item.name == name), None)
    if found is None:
        raise NotFound(f"List not found: {name[:40]}")
    return found
