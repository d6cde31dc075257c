"""One application, one real database, a permanent cast. TEST_DATABASE: sqlite or postgresql."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from hypothesis import settings as hypothesis_settings

from tests import writes
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Client
from tests.database import Rows, empty_tables, forget_disk, new_database, postgresql
from tests.server import Installation
from webapp import create_app
from webapp.accounts import passwords
from webapp.accounts import services as accounts
from webapp.config import Settings
from webapp.core.actor import Actor, Role
from webapp.core.database import migrations
from webapp.core.extensions import db, limiter

pytest_plugins = ["tests.hooks"]

# A slow machine never fails a test.
hypothesis_settings.register_profile("callboard", deadline=None)
hypothesis_settings.load_profile("callboard")
# Passwords of tests guard nothing: argon2 at the lowest cost that it takes.
passwords.set_cost(time_cost=1, memory_kib=8)


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A fresh, empty database of the kind under test."""
    if os.environ.get("TEST_DATABASE", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('db') / 'test.sqlite3'}"
    else:
        with postgresql() as url:
            yield url


@pytest.fixture(scope="session")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url=database_url,
        secret_key="a secret of the tests",
        rate_limit=1_000_000,
        sign_in_limit=1_000,
        allowed_hosts="localhost",  # where the tests' receivers are
    )


@pytest.fixture(scope="session")
def _app(settings: Settings) -> Iterator[APIFlask]:
    app = create_app(settings)
    app.testing = True
    app.test_client_class = Client
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context():
        forget_disk(db.engine)
        migrations.upgrade(settings)
        writes.watch(app, db.engine)
    yield app
    # The database goes next, and threads that still follow it would say so in every run.
    logging.disable()


@pytest.fixture
def app(_app: APIFlask) -> Iterator[APIFlask]:
    """The application inside its context, with an empty database."""
    with _app.app_context():
        empty_tables(db.session(), db.metadata)
        limiter.reset()
        yield _app
        db.session.remove()


@pytest.fixture(scope="session")
def _people(_app: APIFlask) -> Rows:
    """Alice is admin, Bob a member, Vera a viewer; Charlie is admin of another organization."""
    with _app.app_context():
        empty_tables(db.session(), db.metadata)
        alice = accounts.create_organization("Acme", email="alice@example.com", password=PASSWORD)
        actor = alice.actor
        for email, role in (("bob@example.com", Role.MEMBER), ("vera@example.com", Role.VIEWER)):
            member = accounts.add_member(email, role=role, password=PASSWORD, actor=actor)
            their = member.actor
            accounts.accept_invitation(member.id, password=PASSWORD, actor=their)
        accounts.create_organization("Other", email="charlie@example.com", password=PASSWORD)
        return Rows(db.session(), db.metadata)


@pytest.fixture
def cast(_people: Rows, app: APIFlask) -> Cast:
    """The people, made once and put into each test's empty database."""
    _people.restore(db.session())
    return Cast(app)


@pytest.fixture
def alice(cast: Cast) -> Actor:
    return cast.actor("alice")


@pytest.fixture
def charlie(cast: Cast) -> Actor:
    return cast.actor("charlie")


@pytest.fixture
def browser(cast: Cast) -> Browser:
    """Alice's browser: every page it gets is audited."""
    return cast.browser("alice")


@pytest.fixture
def docs() -> Path:
    return Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="session")
def installation(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One running installation for all tests that need real processes."""
    running = Installation(tmp_path_factory.mktemp("run"), new_database(database_url))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_installation(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    """A running installation for one test, in which nobody else has put anything."""
    running = Installation(tmp_path, new_database(database_url))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def first_start(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation that nobody has set up, not started yet."""
    fresh = Installation(tmp_path, new_database(database_url), with_admin=False)
    yield fresh
    fresh.stop()
