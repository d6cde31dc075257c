"""Organizations: found by name, and filled with sample data."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select

from tests.cast import PASSWORD, Cast
from webapp.accounts import samples, services
from webapp.accounts.models import Membership
from webapp.accounts.samples import Sample
from webapp.agents.models import Agent
from webapp.core.actor import Actor, Role
from webapp.core.extensions import db
from webapp.core.feature import KEY
from webapp.overview.samples import DOCS


def count_agents(name: str, cast: Cast) -> int:
    organization_id = cast.actor(name).organization_id
    counted = select(func.count()).where(Agent.organization_id == organization_id)
    return db.session.scalar(counted) or 0


def let_be_older(older: Membership, younger: Membership) -> None:
    older.created_at = younger.created_at - timedelta(days=1)
    older.organization.created_at = younger.organization.created_at - timedelta(days=1)
    db.session.commit()


def test_of_two_with_one_name_the_older_is_found(app: APIFlask) -> None:
    younger, older = (
        services.create_organization("Twin", email=f"{name}@example.com", password=PASSWORD)
        for name in ("dora", "emil")
    )
    let_be_older(older, younger)
    found = services.find_organization("Twin")
    assert found is not None
    assert found.id == older.organization_id
    assert services.find_organization("Nobody's") is None


def test_samples_go_to_the_organization_that_was_there_first(cast: Cast) -> None:
    let_be_older(cast.member("charlie"), cast.member("alice"))
    pages = len(list(DOCS.glob("*.md")))
    said = samples.seed_oldest_organization()
    assert said == f"Sample data: 3 agents and {pages} documents added."
    assert (count_agents("charlie", cast), count_agents("alice", cast)) == (3, 0)
    assert samples.seed_oldest_organization() == "Sample data: 0 agents and 0 documents added."
    assert count_agents("charlie", cast) == 3


@pytest.mark.usefixtures("app")
def test_where_there_is_no_organization_samples_wait_for_one() -> None:
    assert samples.seed_oldest_organization() == (
        "There is no organization yet: open the link that `make run` prints, make your account, "
        "and seed again."
    )


@pytest.mark.parametrize("change", [{"role": Role.MEMBER}, {"joined_at": None}])
def test_samples_are_added_by_an_admin_who_has_joined(
    cast: Cast, change: dict[str, object]
) -> None:
    first = cast.member("charlie")
    let_be_older(first, cast.member("alice"))
    for name, value in change.items():
        setattr(first, name, value)
    db.session.commit()
    samples.seed_oldest_organization()
    assert (count_agents("charlie", cast), count_agents("alice", cast)) == (0, 3)


@pytest.mark.once
def test_each_feature_adds_its_own_samples_and_says_so() -> None:
    app = APIFlask("small", enable_openapi=False)
    app.extensions[KEY] = [Sample(lambda actor: f"One for {actor.name}."), Sample(lambda _: "Two.")]
    with app.app_context():
        assert samples.seed(Actor(uuid4(), Role.ADMIN, "Alice")) == "One for Alice. Two."
