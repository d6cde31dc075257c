"""Column types that hold the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    String,
    Text,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from webapp.core import clock

BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes in and out; a naive one is a bug and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A time without a zone cannot be stored: {value!r}")
        value = clock.in_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _List(TypeDecorator[list[Any]]):
    """A native array on PostgreSQL, JSON text on SQLite; `None` reads as an empty list."""

    impl = JSON
    cache_ok = True
    item: type[TypeEngine[Any]] = String

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(self.item()))
        return dialect.type_descriptor(JSON())

    def process_result_value(self, value: Any, dialect: Dialect) -> list[Any]:
        return list(value or ())


class StringList(_List):
    """A list of strings, order kept."""

    item = String
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        return [str(item) for item in value or ()]


class UuidList(_List):
    """A list of UUIDs, order kept."""

    item = Uuid
    cache_ok = True

    def process_bind_param(self, value: Sequence[UUID] | None, dialect: Dialect) -> Any:
        items = list(value or ())
        return items if dialect.name == "postgresql" else [str(item) for item in items]

    def process_result_value(self, value: Any, dialect: Dialect) -> list[UUID]:
        return [item if isinstance(item, UUID) else UUID(item) for item in value or ()]


def is_same_json(left: Any, right: Any, *, as_written: bool = False) -> bool:
    """Whether two JSON values are the same; to `==`, true and 1 are, too.

    `as_written` also tells apart 1 and 1.0, and objects with their keys in another order.
    """
    if as_written:
        return json.dumps(left) == json.dumps(right)
    return bool(left == right) and _apart(left) == _apart(right)


def _apart(value: Any) -> Any:
    """The value with its booleans as what equals no number."""
    if isinstance(value, dict):
        return {key: _apart(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_apart(item) for item in value]
    return str(value) if isinstance(value, bool) else value


class _Json(JSON):
    """JSON that is written again wherever it is not the same."""

    as_written = False

    def compare_values(self, x: Any, y: Any) -> bool:
        return is_same_json(x, y, as_written=self.as_written)


class _OrderedJson(_Json):
    as_written = True


Json = _Json(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
#: For what people wrote: JSONB would forget the order of their keys.
OrderedJson = _OrderedJson(none_as_null=True)

#: what a plain `Mapped[...]` annotation means in every model
TYPES: dict[Any, Any] = {
    datetime: UtcDateTime,
    str: Text,
    dict[str, Any]: Json,
    list[str]: StringList,
    list[UUID]: UuidList,
    UUID: Uuid,
}
