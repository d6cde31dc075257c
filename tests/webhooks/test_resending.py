"""Messages to webhooks: what arrives, is tried again, and is sent again by hand."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.cast import Cast
from tests.factories import make_agent
from tests.meanwhile import meanwhile
from tests.webhooks.receiving import (
    Receiver,
    count,
    deliveries,
    last_action,
    make,
    run,
    run_once,
    send,
)
from webapp import engine
from webapp.core.actor import Actor
from webapp.core.errors import Forbidden
from webapp.core.extensions import db
from webapp.engine import backend, control, jobs, retries
from webapp.webhooks import changes, services
from webapp.webhooks import deliveries as delivering
from webapp.webhooks.live import FEEDS
from webapp.webhooks.models import Delivery

# What arrives


def test_a_webhook_is_told_of_what_it_wants_while_it_is_on(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    api = cast.api("alice")
    wants = make(api, receiver.url, events=["task.completed"])
    everything = make(api, receiver.url)
    make(api, receiver.url, events=["task.failed"])
    make(api, receiver.url, is_active=False)
    make(cast.api("charlie"), receiver.url)
    agent = make_agent(alice)
    task = api.post(f"/agents/{agent.id}/coverage/refresh?background=false").json

    found = deliveries()
    assert {str(one.webhook_id) for one in found} == {wants["id"], everything["id"]}
    run(found[0])
    ((headers, body),) = receiver.messages
    message = json.loads(body)
    assert set(message) == {"type", "timestamp", "data"}
    assert message["type"] == "task.completed"
    assert message["data"]["task_id"] == task["task_id"]
    assert message["data"]["status"] == "completed"
    assert message["timestamp"].endswith("Z")
    assert headers["webhook-id"] == str(found[0].id)
    assert headers["webhook-signature"].startswith("v1,")


def test_a_message_that_is_tried_again_keeps_its_id(
    cast: Cast, alice: Actor, receiver: Receiver, pauses: list[float]
) -> None:
    api = cast.api("alice")
    made = make(api, receiver.url)
    receiver.answers = [500, 200]
    response = api.post(f"/webhooks/{made['id']}/test")
    assert (response.status_code, last_action(alice)) == (202, "test")
    (delivery,) = deliveries()
    run(delivery)
    assert {headers["webhook-id"] for headers, _ in receiver.messages} == {str(delivery.id)}
    assert pauses == [1]
    (shown,) = api.get(f"/webhooks/{made['id']}/deliveries").json
    assert (shown["status"], shown["payload"]["type"]) == ("delivered", "webhook.test")
    outcomes = [(one["number"], one["response_status"], one["error"]) for one in shown["attempts"]]
    assert outcomes == [(1, 500, "answered 500"), (2, 200, None)]
    assert all(one["duration_ms"] >= 0 for one in shown["attempts"])
    assert api.get("/webhooks/deliveries").json == [shown]
    page = cast.browser("alice").get(f"/settings/webhooks/{made['id']}")
    (row,) = page.css("#deliveries tbody tr")
    assert "answered 500" in row.css("li")[0].text()
    assert "answered 200" in row.css("li")[1].text()


def test_a_worker_that_dies_leaves_an_attempt_without_an_end(
    cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = cast.api("alice")
    made = make(api, receiver.url)
    api.post(f"/webhooks/{made['id']}/test")
    (delivery,) = deliveries()

    class Killed(BaseException):
        pass

    def dies(*_args: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "_post", dies)
        with pytest.raises(Killed):
            jobs.find("webhook")(f"webhook-{delivery.id}")
    assert run(delivery).status == "delivered"
    first, second = api.get("/webhooks/deliveries").json[0]["attempts"]
    assert (first["duration_ms"], first["response_status"]) == (None, None)
    assert second["response_status"] == 200
    page = cast.browser("alice").get("/settings/webhooks")
    assert "no end is known" in page.css_first("#deliveries li").text()


def test_a_waiting_message_is_found_on_the_page(
    cast: Cast, receiver: Receiver, pauses: list[float]
) -> None:
    api = cast.api("alice")
    make(api, receiver.url)
    webhook = services.list_webhooks(actor=cast.actor("alice"))[0]
    delivery = changes.send_event(webhook, "task.failed", {})
    db.session.commit()
    receiver.answers = [500]
    assert run_once(delivery) == 1
    row = cast.browser("alice").get("/settings/webhooks").css_first("#deliveries tbody tr")
    assert "pending" in row.text()
    assert "again" in row.text()


def test_an_open_page_asks_for_its_messages_again(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    made, browser = make(cast.api("alice"), receiver.url), cast.browser("alice")
    for path in ("/settings/webhooks", f"/settings/webhooks/{made['id']}"):
        page = browser.get(path)
        assert page.css_first("#webhooks-revision") is not None
        assert page.css_first("#deliveries").attributes["hx-get"] == path
        part = browser.get(path, headers={"HX-Request": "true"})
        assert part.css_first("#deliveries").attributes["hx-get"] == path
        assert part.css_first("h1") is None
    # The answer to a form has no address of its own that could be got again.
    page = browser.post(f"{path}/secret", {"overlap_hours": "5"}, status=422)
    assert page.css_first("#deliveries").attributes["hx-get"] == path


def test_only_admins_follow_what_becomes_of_messages(cast: Cast) -> None:
    (feed,) = FEEDS
    assert "webhooks-revision" in feed.draw("all", cast.actor("alice"))
    for name in ("bob", "vera"):
        with pytest.raises(Forbidden):
            feed.draw("all", cast.actor(name))


# Away for long, and sent again


def test_a_webhook_that_is_away_for_most_of_a_day_is_told_all_the_same(
    cast: Cast, receiver: Receiver, pauses: list[float]
) -> None:
    made = make(cast.api("alice"), receiver.url)
    receiver.answers = [500] * 8
    cast.api("alice").post(f"/webhooks/{made['id']}/test")
    (delivery,) = deliveries()
    assert (run(delivery).status, delivery.attempts) == ("delivered", 9)
    assert pauses == [1, 2, 30, 300, 1800, 7200, 18000, 36000]
    assert 17 * 3600 < sum(pauses) < 18 * 3600


def test_a_message_that_has_failed_is_sent_again(
    cast: Cast, alice: Actor, receiver: Receiver, pauses: list[float]
) -> None:
    api = cast.api("alice")
    made = make(api, receiver.url)
    receiver.answers = [400, 500, 200]
    api.post(f"/webhooks/{made['id']}/test")
    (delivery,) = deliveries()
    assert run(delivery).status == "failed"
    page = cast.browser("alice").get(f"/settings/webhooks/{made['id']}")
    assert page.css_first("#deliveries button").text() == "Send again"
    response = api.post(f"/webhooks/deliveries/{delivery.id}/resend")
    assert (response.status_code, response.json["status"]) == (202, "pending")
    assert last_action(alice) == "send again"
    assert api.post(f"/webhooks/deliveries/{delivery.id}/resend").status_code == 409
    db.session.refresh(delivery)
    assert (run(delivery).status, delivery.attempts) == ("delivered", 3)
    assert pauses == [1]
    assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 1
    (shown,) = api.get("/webhooks/deliveries").json
    assert [one["response_status"] for one in shown["attempts"]] == [400, 500, 200]


def test_a_message_that_waits_is_sent_at_once_and_not_twice(
    cast: Cast, receiver: Receiver, pauses: list[float]
) -> None:
    made = make(cast.api("alice"), receiver.url)
    cast.api("alice").post(f"/webhooks/{made['id']}/test")
    (delivery,) = deliveries()
    receiver.answers = [500, 500]
    first_job = delivery.job_key
    assert run_once(delivery) == 1
    browser = cast.browser("alice")
    page = browser.get(f"/settings/webhooks/{made['id']}")
    assert page.css_first("#deliveries button").text() == "Send now"
    path = f"/settings/webhooks/messages/{delivery.id}/again"
    assert browser.post(path).css_first("#deliveries button") is None
    assert "on its way already" in browser.post(path, {"from": "all"}).text()
    db.session.refresh(delivery)
    assert delivery.job_key != first_job
    jobs.find("webhook")(first_job)  # the one that waited finds nothing more to do
    assert len(receiver.messages) == 1
    assert run_once(delivery) == 1
    assert run(delivery).status == "delivered"
    assert len(receiver.messages) == 3


def test_only_who_may_change_webhooks_sends_again(cast: Cast, receiver: Receiver) -> None:
    api = cast.api("alice")
    made = make(api, receiver.url)
    api.post(f"/webhooks/{made['id']}/test")
    (delivery,) = deliveries()
    run(delivery)
    path = f"/webhooks/deliveries/{delivery.id}/resend"
    for name, status in (("bob", 403), ("vera", 403), ("charlie", 404)):
        assert cast.api(name).post(path).status_code == status
    api.request("PATCH", f"/webhooks/{made['id']}", {"is_active": False})
    response = api.post(path)
    assert (response.status_code, response.json["code"]) == (409, "webhook_inactive")
    assert len(receiver.messages) == 1


def test_who_sends_again_and_who_deletes_do_not_wait_in_a_circle(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer")
    api = cast.api("alice")
    made = make(api, receiver.url)
    api.post(f"/webhooks/{made['id']}/test")
    (delivery,) = deliveries()
    run(delivery)
    deleted: list[str] = []

    def delete() -> None:
        deleted.append(services.delete_webhook(UUID(made["id"]), actor=alice).url)

    # Once the first row is locked; the other locks what it can.
    with meanwhile(cast.app, delete, after="FOR UPDATE"):
        sent = api.post(f"/webhooks/deliveries/{delivery.id}/resend")
    assert (sent.status_code, deleted) == (202, [receiver.url])
    assert count(Delivery) == 0


# What its own database does to it


def test_a_message_waits_where_its_database_takes_no_writes_for_long(
    alice: Actor, receiver: Receiver
) -> None:
    """Its job is at the last failure of the database that it is allowed.

    For another's lock on SQLite the worker waits itself.
    """
    delivery = send(alice, receiver.url)
    token = engine.Token(delivery.job_key)
    token.failures = retries.MAX_FAILURES - 1
    is_sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.connect() as other, control.running(token):
        other.execute(text("UPDATE webhook_deliveries SET url = url"))
        db.session.execute(
            text("PRAGMA busy_timeout = 50" if is_sqlite else "SET LOCAL lock_timeout = 50")
        )
        with pytest.raises((engine.RetryLater, OperationalError)) as told:
            jobs.find("webhook")(delivery.job_key)
        if is_sqlite:
            db.session.execute(text("PRAGMA busy_timeout = 30000"))
        other.rollback()
    db.session.rollback()
    if isinstance(told.value, OperationalError):
        assert is_sqlite
        assert engine.will_retry(told.value)
    else:
        assert (told.value.seconds, token.failures) == (delivering.DATABASE_PAUSE_SECONDS, 0)
    assert run(delivery).status == "delivered"


def test_a_message_whose_job_has_ended_without_it_is_sent_again(
    cast: Cast, receiver: Receiver
) -> None:
    api = cast.api("alice")
    made = make(api, receiver.url)
    api.post(f"/webhooks/{made['id']}/test")
    (delivery,) = deliveries()
    page, path = f"/settings/webhooks/{made['id']}", f"/webhooks/deliveries/{delivery.id}/resend"
    browser = cast.browser("alice")
    assert browser.get(page).css_first("#deliveries button") is None
    assert api.post(path).json["code"] == "message_on_its_way"
    backend.end_cancelled(delivery.job_key)
    assert browser.get(page).css_first("#deliveries button").text() == "Send again"
    assert api.post(path).status_code == 202
    db.session.refresh(delivery)
    assert api.post(path).status_code == 409
    assert run(delivery).status == "delivered"
