"""Sample: data that a new organization can begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from webapp.accounts.models import Membership
from webapp.core.actor import Actor, Role
from webapp.core.extensions import db
from webapp.core.feature import contributions


@dataclass(frozen=True)
class Sample:
    """`seed(actor)` adds what is missing to the actor's organization and says what it did."""

    seed: Callable[[Actor], str]


def seed(actor: Actor) -> str:
    """Add every feature's sample data; a second time nothing happens twice."""
    return " ".join(sample.seed(actor) for sample in contributions(Sample))


def seed_oldest_organization() -> str:
    """Add the sample data to the organization that was there first."""
    admin = db.session.scalar(
        select(Membership)
        .where(Membership.role == Role.ADMIN, Membership.joined_at.is_not(None))
        .order_by(Membership.created_at)
        .limit(1)
    )
    if admin is None:
        return (
            "There is no organization yet: open the link that `make run` prints, make your "
            "account, and seed again."
        )
    return seed(admin.actor)
