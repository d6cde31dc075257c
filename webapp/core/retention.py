"""Retention: rows that have served their time are deleted, a batch a transaction.

A feature brings what it forgets and how old that must be; each worker sweeps now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.core import clock
from webapp.core.database.transactions import lock_name
from webapp.core.extensions import db
from webapp.core.feature import contributions

if TYPE_CHECKING:
    from webapp.config import Settings

BATCH = 1000

#: `forget(before, limit)` deletes up to `limit` rows from before a moment; says how many
Forget = Callable[[datetime, int], int]


@dataclass(frozen=True)
class Retention:
    """What is forgotten once it is older than `kept`: a time, or the setting that has its days.

    A setting whose name ends with `_hours` has hours.
    """

    name: str
    forget: Forget
    kept: timedelta | str

    def age(self, settings: Settings) -> timedelta:
        if isinstance(self.kept, timedelta):
            return self.kept
        unit = "hours" if self.kept.endswith("_hours") else "days"
        return timedelta(**{unit: getattr(settings, self.kept)})


def kept_for(name: str) -> timedelta:
    """How long what the retention `name` forgets is kept."""
    (item,) = (item for item in contributions(Retention) if item.name == name)
    return item.age(current_app.config["CALLBOARD"])


def sweep() -> bool:
    """Delete one batch of everything that is forgotten; whether there may be more of anything.

    What cannot be deleted keeps the rest from nothing; it is raised at the end, as a group.
    """
    settings = current_app.config["CALLBOARD"]
    is_more, errors = False, []
    for item in contributions(Retention):
        try:
            lock_name("retention")  # two workers that delete the same rows wait for each other
            count = item.forget(clock.now() - item.age(settings), BATCH)
            db.session.commit()
            is_more = is_more or count == BATCH
        except Exception as error:
            db.session.rollback()
            error.add_note(f"While old {item.name} were deleted.")
            errors.append(error)
    if errors:
        raise ExceptionGroup("Not all that has served its time could be deleted", errors)
    return is_more


def forget_by(time: InstrumentedAttribute[Any]) -> Forget:
    """A `forget` that needs nothing but the column that says how old a row is."""
    model = time.class_
    (key,) = model.__table__.primary_key.columns

    def forget(before: datetime, limit: int) -> int:
        keys = db.session.scalars(select(key).where(time < before).order_by(time).limit(limit))
        forgotten = list(keys)
        db.session.execute(delete(model).where(key.in_(forgotten)))
        return len(forgotten)

    return forget
