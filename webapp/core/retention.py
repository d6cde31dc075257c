"""Retention: rows that have served their time are deleted, a batch a transaction.

A feature says what it forgets and how old that must be; each worker sweeps now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.core import clock
from webapp.core.database import lock_name
from webapp.core.extensions import db

BATCH = 1000

#: `forget(before, limit)` deletes up to `limit` rows from before a moment; says how many
Forget = Callable[[datetime, int], int]

_forgets: dict[str, tuple[timedelta, Forget]] = {}


def register(name: str, age: timedelta, forget: Forget) -> None:
    """Have `forget` called for what is older than `age`, in a transaction that is not its own."""
    _forgets[name] = (age, forget)


def names() -> list[str]:
    """Everything that is registered."""
    return list(_forgets)


def sweep() -> bool:
    """Delete one batch of everything registered; whether there may be more of anything."""
    is_more = False
    for age, forget in _forgets.values():
        lock_name("retention")  # two workers that delete the same rows would wait for each other
        count = forget(clock.now() - age, BATCH)
        db.session.commit()
        is_more = is_more or count == BATCH
    return is_more


def forget_by(time: InstrumentedAttribute[Any]) -> Forget:
    """A `forget` that needs nothing but the column that says how old a row is."""
    model = time.class_
    (key,) = model.__table__.primary_key.columns

    def forget(before: datetime, limit: int) -> int:
        keys = db.session.scalars(select(key).where(time < before).order_by(time).limit(limit))
        found = list(keys)
        db.session.execute(delete(model).where(key.in_(found)))
        return len(found)

    return forget
