"""Secrets as the database keeps them."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select, update

from tests.cast import Cast
from webapp.core import sealing
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.webhooks import keys
from webapp.webhooks.models import WebhookSecret


def test_what_is_sealed_can_be_read_again_and_looks_like_nothing(app: APIFlask) -> None:
    sealed = sealing.seal("garnet ü")
    assert sealing.unseal(sealed) == "garnet ü"
    assert "garnet" not in sealed
    assert sealing.seal("garnet ü") != sealed


def start_with(app: APIFlask, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Go on with other settings, as after a new start."""
    changed = app.config["CALLBOARD"].model_copy(update=settings)
    monkeypatch.setitem(app.config, "CALLBOARD", changed)
    monkeypatch.setitem(app.config, "SECRET_KEY", changed.secret_key)
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", list(changed.earlier_secret_keys))


def rotate(app: APIFlask) -> Any:
    return app.test_cli_runner().invoke(args=["secrets", "rotate"])


def test_with_another_key_it_cannot(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = sealing.seal("garnet")
    start_with(app, monkeypatch, secret_key="another")
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(sealed)


def test_what_an_earlier_key_has_sealed_is_read_while_it_is_named(
    app: APIFlask, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = app.config["CALLBOARD"].secret_key
    sealed = sealing.seal("garnet")
    start_with(app, monkeypatch, secret_key="another", secret_key_fallbacks=f"older, {earlier} ,")
    assert sealing.unseal(sealed) == "garnet"
    anew = sealing.reseal(sealed)
    start_with(app, monkeypatch, secret_key="another", secret_key_fallbacks="")
    assert sealing.unseal(anew) == "garnet"
    with pytest.raises(sealing.Unreadable):
        sealing.reseal(sealed)


def test_who_is_signed_in_stays_so_while_the_earlier_key_is_named(
    app: APIFlask, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = app.config["CALLBOARD"].secret_key
    browser = cast.browser("alice")
    start_with(app, monkeypatch, secret_key="another", secret_key_fallbacks=earlier)
    browser.get("/agents")
    start_with(app, monkeypatch, secret_key="a third", secret_key_fallbacks="")
    assert browser.client.get("/agents").status_code == 303


def test_all_secrets_are_sealed_anew_by_one_command(
    app: APIFlask, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "RESEALED_AT_ONCE", 2)
    earlier = app.config["CALLBOARD"].secret_key
    secrets = sorted(keys.add_key(alice.organization_id, None) for _ in range(5))
    db.session.commit()
    start_with(app, monkeypatch, secret_key="another", secret_key_fallbacks=earlier)
    assert rotate(app).output == "5 secrets sealed with the present SECRET_KEY.\n"
    start_with(app, monkeypatch, secret_key="another", secret_key_fallbacks="")
    assert sorted(keys.read_keys(alice.organization_id, None)) == secrets
    assert rotate(app).exit_code == 0  # once more harms nobody


def test_a_secret_that_nobody_can_read_is_told_and_left_alone(
    app: APIFlask, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.add_key(alice.organization_id, None)
    db.session.execute(update(WebhookSecret).values(sealed="no token"))
    keys.add_key(alice.organization_id, None)
    db.session.commit()
    done = rotate(app)
    assert done.exit_code == 1
    assert "1 secret sealed with the present SECRET_KEY." in done.output
    assert "1 secret cannot be read: sealed with a key that SECRET_KEY_FALLBACKS" in done.output
    db.session.expire_all()
    assert "no token" in db.session.scalars(select(WebhookSecret.sealed)).all()
