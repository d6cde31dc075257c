"""A secret is on one page once: not after a reload, and not for anybody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cast import Cast
from webapp.core import clock, sealing
from webapp.core.shown_once import LIFETIME
from webapp.webhooks.services import create_webhook


@pytest.fixture
def path(cast: Cast) -> str:
    webhook, _ = create_webhook("https://example.com/hook", actor=cast.actor("alice"))
    return f"/settings/webhooks/{webhook.id}"


def test_a_reload_shows_it_no_more_and_makes_no_second_one(cast: Cast, path: str) -> None:
    browser = cast.browser("alice")
    browser.post(f"{path}/secret", {"overlap_hours": "24"}, status=303)
    assert browser.response is not None
    assert browser.response.headers["Location"] == path
    secret = browser.get(path).css_first("#webhook-secret").text()
    assert secret.startswith("whsec_")
    assert secret not in browser.get(path).html


def test_only_its_page_takes_it_and_no_part_of_it(cast: Cast, path: str) -> None:
    browser = cast.browser("alice")
    browser.post(f"{path}/secret", {"overlap_hours": "24"}, status=303)
    assert "whsec_" not in browser.get("/settings/webhooks").html
    assert "whsec_" not in browser.get(path, headers={"HX-Request": "true"}).html
    browser.client.head(path)
    assert "whsec_" in browser.get(path).html


def test_the_cookie_does_not_tell_it(cast: Cast, path: str) -> None:
    browser = cast.browser("alice")
    browser.post(f"{path}/secret", {"overlap_hours": "24"}, status=303)
    with browser.client.session_transaction() as kept:
        assert "whsec_" in sealing.unseal(kept["shown_once"])
        assert "whsec_" not in str(dict(kept))


def test_it_waits_for_ten_minutes_and_for_one_person(
    cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, other = cast.browser("alice"), cast.browser("bob")
    browser.post(f"{path}/secret", {"overlap_hours": "24"}, status=303)
    with browser.client.session_transaction() as kept:
        sealed = kept["shown_once"]
    promoted = {"role": "admin"}
    browser.post(f"/settings/members/{cast.user('bob').id}", promoted)
    with other.client.session_transaction() as theirs:
        theirs["shown_once"] = sealed
    assert "whsec_" not in other.get(path).html
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + LIFETIME + timedelta(seconds=1))
    assert "whsec_" not in browser.get(path).html


def test_what_was_sealed_with_another_key_is_forgotten(cast: Cast, path: str) -> None:
    browser = cast.browser("alice")
    with browser.client.session_transaction() as kept:
        kept["shown_once"] = "nonsense"
    browser.get(path)
    with browser.client.session_transaction() as kept:
        assert "shown_once" not in kept


def test_only_what_changes_the_session_sets_its_cookie(cast: Cast) -> None:
    """A late answer to an earlier request must not bring an older session back."""
    browser = cast.browser("alice")
    browser.get("/agents")
    browser.get("/agents")
    assert browser.response is not None
    assert "Set-Cookie" not in browser.response.headers
