"""What an installation from before had: its secret goes on signing, its messages stay."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from uuid import uuid4

import flask_migrate
from sqlalchemy import text

from tests.conftest import new_database
from webapp import create_app
from webapp.config import Settings
from webapp.core.extensions import db
from webapp.webhooks import keys, services

SECRET_KEY = "the installation's own"


def test_the_secret_from_before_signs_until_it_is_changed(
    database_url: str, tmp_path: Path
) -> None:
    url = new_database(database_url) or f"sqlite:///{tmp_path / 'old.sqlite3'}"
    settings = Settings(data_dir=tmp_path, database_url=url, secret_key=SECRET_KEY)
    organization_id, delivery_id = uuid4(), uuid4()
    # As the release before made it.
    message = f"webhooks of {organization_id}".encode()
    old = hmac.new(SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()
    with create_app(settings).app_context():
        flask_migrate.upgrade(revision="0014")
        db.session.execute(
            text("INSERT INTO organizations (id, name, created_at) VALUES (:id, 'A', :at)"),
            {"id": as_stored(organization_id), "at": "2026-01-01 00:00:00"},
        )
        db.session.execute(
            text(
                "INSERT INTO webhook_deliveries"
                " (id, organization_id, url, payload, status, attempts, created_at)"
                " VALUES (:id, :organization_id, 'https://a.example', '{}', 'pending', 1, :at)"
            ),
            {
                "id": as_stored(delivery_id),
                "organization_id": as_stored(organization_id),
                "at": "2026-01-01 00:00:00",
            },
        )
        db.session.commit()

        flask_migrate.upgrade()
        assert keys.read_keys(organization_id, None) == [old]
        (kept,) = db.session.scalars(db.select(services.Delivery))
        assert (kept.id, kept.attempts, kept.webhook_id) == (delivery_id, 1, None)
        newer = keys.replace_key(organization_id, None, services.OVERLAP)
        assert keys.read_keys(organization_id, None) == [old, newer]
        db.session.commit()

        db.session.remove()
        flask_migrate.downgrade(revision="0014")
        assert db.session.scalar(text("SELECT count(*) FROM webhook_deliveries")) == 1
        db.session.remove()
        flask_migrate.upgrade()
        assert keys.read_keys(organization_id, None) == [old]
        db.session.remove()
        db.engine.dispose()


def as_stored(value: object) -> str:
    """A UUID as both databases take it from SQL."""
    return str(value).replace("-", "")
