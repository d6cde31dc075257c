"""Secrets: their own for each webhook, changed without a gap, kept from before."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from tests.cast import Api, Cast
from tests.webhooks.receiving import Receiver, run, send
from webapp.audit import services as audit
from webapp.core import clock, retention
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.webhooks.models import Delivery, WebhookSecret


def verifies(secret: str, message: tuple[Any, bytes]) -> tuple[bool, bool]:
    """Whether a receiver with this secret believes the message by each of its two signatures."""
    headers, body = message
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    ours = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    plain = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return (
        f"v1,{ours}" in headers["webhook-signature"].split(" "),
        headers["X-Agent-Signature"] == f"sha256={plain}",
    )


class Hook:
    """A webhook of Alice's, and the newest message to it."""

    def __init__(self, api: Api, receiver: Receiver) -> None:
        self.api, self.receiver = api, receiver
        made = api.post("/webhooks", {"url": receiver.url}).json
        self.path, self.secret = f"/webhooks/{made['id']}", made["secret"]

    def rotate(self, **body: Any) -> dict[str, Any]:
        response = self.api.post(f"{self.path}/secret", body)
        assert response.status_code == 201, response.text
        return dict(response.json)

    def message(self) -> tuple[Any, bytes]:
        sent = self.api.post(f"{self.path}/test").json
        delivery = db.session.scalars(select(Delivery).where(Delivery.id == sent_id(sent))).one()
        assert run(delivery).status == "delivered"
        return self.receiver.messages[-1]


def sent_id(sent: dict[str, Any]) -> UUID:
    return UUID(sent["id"])


@pytest.fixture
def hook(cast: Cast, receiver: Receiver) -> Hook:
    return Hook(cast.api("alice"), receiver)


def move_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + by)


def test_each_webhook_has_a_secret_of_its_own(cast: Cast, hook: Hook, receiver: Receiver) -> None:
    other = Hook(cast.api("alice"), receiver)
    assert verifies(hook.secret, hook.message()) == (True, True)
    assert verifies(other.secret, hook.message()) == (False, False)
    assert verifies(other.secret, other.message()) == (True, True)


def test_the_time_of_the_attempt_is_signed(hook: Hook) -> None:
    headers, _ = hook.message()
    assert abs(int(headers["webhook-timestamp"]) - clock.now().timestamp()) < 300


def test_while_a_secret_is_changed_both_are_good(
    hook: Hook, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = hook.rotate()
    newer = answer["secret"]
    entry = audit.latest(alice.organization_id)[0]
    assert (entry.action, entry.detail) == ("rotate secret", {"overlap_hours": 24})
    assert newer != hook.secret
    assert answer["previous_until"] is not None
    message = hook.message()
    assert verifies(hook.secret, message) == (True, True)
    assert verifies(newer, message) == (True, False)
    move_clock(monkeypatch, timedelta(hours=23))
    assert verifies(hook.secret, hook.message()) == (True, True)
    move_clock(monkeypatch, timedelta(hours=2))
    message = hook.message()
    assert verifies(hook.secret, message) == (False, False)
    assert verifies(newer, message) == (True, True)


def test_the_overlap_can_be_ended(hook: Hook, alice: Actor) -> None:
    newer = hook.rotate(overlap_hours=168)["secret"]
    assert hook.api.delete(f"{hook.path}/secret/previous").status_code == 204
    assert audit.latest(alice.organization_id)[0].action == "retire old secret"
    message = hook.message()
    assert verifies(hook.secret, message) == (False, False)
    assert verifies(newer, message) == (True, True)
    refused = hook.api.delete(f"{hook.path}/secret/previous")
    assert (refused.status_code, refused.json["code"]) == (409, "no_old_secret")


def test_there_need_be_no_overlap(hook: Hook) -> None:
    answer = hook.rotate(overlap_hours=0)
    assert answer["previous_until"] is None
    message = hook.message()
    assert verifies(hook.secret, message) == (False, False)
    assert verifies(answer["secret"], message) == (True, True)
    for wrong in (-1, 169, "x"):
        assert hook.api.post(f"{hook.path}/secret", {"overlap_hours": wrong}).status_code == 422


def test_a_second_change_makes_no_older_secret_live_longer(hook: Hook) -> None:
    hook.rotate(overlap_hours=1)
    hook.rotate(overlap_hours=168)
    rows = db.session.scalars(select(WebhookSecret).order_by(WebhookSecret.created_at)).all()
    ends = [row.expires_at for row in rows]
    assert len(ends) == 3
    assert ends[2] is None
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[1] - ends[0] > timedelta(hours=160)


def test_a_page_changes_a_secret_and_ends_the_overlap(cast: Cast, hook: Hook) -> None:
    browser = cast.browser("alice")
    path = f"/settings{hook.path}"
    assert browser.get(path).css_first("form[action$='/retirement']") is None
    page = browser.post(f"{path}/secret", {"overlap_hours": "24"})
    newer = page.css_first("#webhook-secret").text()
    assert verifies(newer, hook.message()) == (True, False)
    assert browser.get(path).css_first("#webhook-secret") is None
    assert browser.get(path).css_first("form[action$='/retirement']") is not None
    browser.post(f"{path}/secret/retirement")
    assert verifies(newer, hook.message()) == (True, True)
    browser.post(f"{path}/secret", {"overlap_hours": "5"}, status=422)


def test_other_addresses_share_a_secret_that_can_be_changed_too(
    cast: Cast, alice: Actor, hook: Hook, receiver: Receiver
) -> None:
    api = cast.api("alice")
    first = api.post("/webhooks/secret", {}).json["secret"]
    run(send(alice, receiver.url))
    assert verifies(first, receiver.messages[-1]) == (True, True)
    assert verifies(hook.secret, receiver.messages[-1]) == (False, False)
    newer = api.post("/webhooks/secret", {"overlap_hours": 1}).json["secret"]
    run(send(alice, receiver.url))
    assert verifies(first, receiver.messages[-1]) == (True, True)
    assert verifies(newer, receiver.messages[-1]) == (True, False)
    assert api.delete("/webhooks/secret/previous").status_code == 204
    run(send(alice, receiver.url))
    assert verifies(newer, receiver.messages[-1]) == (True, True)
    assert verifies(hook.secret, hook.message()) == (True, True)


def test_messages_are_signed_before_anybody_has_asked_for_a_secret(
    alice: Actor, receiver: Receiver
) -> None:
    for _ in range(2):
        run(send(alice, receiver.url))
    assert len(db.session.scalars(select(WebhookSecret)).all()) == 1
    first, second = (headers["X-Agent-Signature"] for headers, _ in receiver.messages)
    assert first == second


def test_with_another_secret_key_a_message_fails_with_its_reason(
    app: APIFlask, hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = hook.api.post(f"{hook.path}/test").json
    other = app.config["CALLBOARD"].model_copy(update={"secret_key": "another"})
    monkeypatch.setitem(app.config, "CALLBOARD", other)
    delivery = run(db.session.get_one(Delivery, sent_id(sent)))
    assert (delivery.status, delivery.attempts) == ("failed", 1)
    assert "SECRET_KEY" in (delivery.error or "")
    assert receiver.messages == []


def test_secrets_that_have_ended_are_forgotten(hook: Hook) -> None:
    hook.rotate(overlap_hours=0)
    rows = db.session.scalars(select(WebhookSecret).order_by(WebhookSecret.created_at)).all()
    rows[0].expires_at = clock.now() - timedelta(days=2)
    kept = rows[1].id
    db.session.commit()
    retention.sweep()
    assert [row.id for row in db.session.scalars(select(WebhookSecret))] == [kept]
