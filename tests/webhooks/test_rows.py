"""Webhooks as rows: made, changed, switched off, tested, deleted, on pages and by the API."""

from __future__ import annotations

import json
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from sqlalchemy import event, func, select

from tests.cast import Api, Cast
from tests.factories import make_agent
from tests.webhooks.receiving import Receiver, run, run_once
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import Forbidden
from webapp.core.extensions import db
from webapp.engine import jobs
from webapp.webhooks import changes, services
from webapp.webhooks import deliveries as delivering
from webapp.webhooks.live import FEEDS
from webapp.webhooks.models import Attempt, Delivery, WebhookSecret

HOOK = "https://example.com/hook"
EVENTS = ["coverage.fell", "task.cancelled", "task.completed", "task.failed"]


def make(api: Api, url: str = HOOK, **fields: Any) -> dict[str, Any]:
    response = api.post("/webhooks", {"url": url, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json)


def deliveries() -> list[Delivery]:
    return list(db.session.scalars(select(Delivery).order_by(Delivery.created_at)))


def count(model: type[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def last_action(actor: Actor) -> str:
    return audit.latest(actor.organization_id)[0].action


# Making


def test_a_webhook_is_made_and_its_secret_shown_this_once(cast: Cast, alice: Actor) -> None:
    api = cast.api("alice")
    response = api.post("/webhooks", {"url": HOOK, "events": ["task.failed"], "description": "me"})
    made = response.json
    assert response.headers["Location"] == f"/api/v1/webhooks/{made['id']}"
    assert made["secret"].startswith("whsec_")
    assert last_action(alice) == "create"
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert api.get("/webhooks").json == [shown]
    assert api.get(f"/webhooks/{made['id']}").json == shown
    assert shown["events"] == ["task.failed"]
    page = cast.browser("alice").get(f"/settings/webhooks/{made['id']}")
    assert made["secret"] not in str(page.html)
    stored = db.session.scalars(select(WebhookSecret)).one().sealed
    assert made["secret"].removeprefix("whsec_") not in stored


def test_the_page_makes_one_too(cast: Cast, receiver: Receiver) -> None:
    browser = cast.browser("alice")
    assert "No webhooks yet" in browser.get("/settings/webhooks").text()
    form = {"url": receiver.url, "description": "Pager", "events": "task.failed", "is_active": "y"}
    page = browser.post("/settings/webhooks", form)
    assert page.css_first("#webhook-secret").text().startswith("whsec_")
    (row,) = browser.get("/settings/webhooks").css("tr[id^=webhook-]")
    assert all(text in row.text() for text in ("Pager", receiver.url, "task.failed", "active"))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"), ({"url": ""}, "url"), ({"url": "ftp://a.example"}, "url"),
        ({"url": "http://example.com"}, "url"), ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": HOOK, "events": ["nonsense"]}, "events"),
        ({"url": HOOK, "description": "x" * 301}, "description"),
        ({"url": HOOK, "secret": "mine"}, "secret"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_webhook_is_refused(cast: Cast, body: dict[str, Any], field: str) -> None:
    api = cast.api("alice")
    response = api.post("/webhooks", body)
    assert response.status_code == 422
    assert response.json["errors"][0]["field"].startswith(field)
    assert api.get("/webhooks").json == []


def test_a_refused_form_says_so_at_its_field(cast: Cast) -> None:
    browser = cast.browser("alice")
    page = browser.post("/settings/webhooks", {"url": "https://10.0.0.1/"}, status=422)
    assert "10.0.0.1 is a private address." in page.css_first("#url-error").text()
    assert page.css_first("#url").attributes["value"] == "https://10.0.0.1/"


def test_there_are_no_more_than_fifty(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_WEBHOOKS", 2)
    api = cast.api("alice")
    make(api)
    make(api)
    refused = api.post("/webhooks", {"url": HOOK})
    assert (refused.status_code, refused.json["code"]) == (409, "too_many_webhooks")
    make(cast.api("charlie"))


def test_the_events_that_there_are_can_be_read(cast: Cast) -> None:
    found = cast.api("alice").get("/webhooks/events").json
    assert [event["name"] for event in found] == EVENTS
    assert all(event["meaning"] for event in found)


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


# Changing


def test_a_webhook_is_changed_and_only_what_changes_is_recorded(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    api = cast.api("alice")
    path = f"/webhooks/{make(api)['id']}"
    changed = api.request("PATCH", path, {"url": receiver.url, "events": ["task.failed"] * 2})
    assert changed.status_code == 200
    assert (changed.json["url"], changed.json["events"]) == (receiver.url, ["task.failed"])
    assert audit.latest(alice.organization_id)[0].detail == {"fields": ["url", "events"]}
    before = audit.latest_id(alice.organization_id)
    assert api.request("PATCH", path, {}).json == changed.json
    assert api.request("PATCH", path, {"is_active": True}).json == changed.json
    assert audit.latest_id(alice.organization_id) == before
    for wrong in ({"url": None}, {"url": ""}, {"events": ["x"]}, {"secret": "x"}, {"id": "x"}):
        assert api.request("PATCH", path, wrong).status_code == 422, wrong
    assert api.get(path).json == changed.json


def test_the_page_changes_one_too(cast: Cast) -> None:
    browser, api = cast.browser("alice"), cast.api("alice")
    made = make(api)
    page_path, path = f"/settings/webhooks/{made['id']}", f"/webhooks/{made['id']}"
    page = browser.get(page_path)
    assert page.css_first("#url").attributes["value"] == HOOK
    browser.post(page_path, {"url": HOOK, "description": "Off", "events": "task.failed"})
    shown = api.get(path).json
    assert (shown["description"], shown["is_active"]) == ("Off", False)
    assert shown["events"] == ["task.failed"]
    page = browser.get(page_path)
    assert "checked" in page.css_first("input[value='task.failed']").attributes
    assert page.css_first("form[action$='/tests']") is None
    browser.post(page_path, {"url": "nonsense"}, status=422)
    assert api.get(path).json == shown


def test_a_webhook_that_is_off_gets_nothing_that_waited(cast: Cast, receiver: Receiver) -> None:
    api = cast.api("alice")
    made = make(api, receiver.url)
    api.post(f"/webhooks/{made['id']}/test")
    api.request("PATCH", f"/webhooks/{made['id']}", {"is_active": False})
    delivery = run(deliveries()[0])
    assert (delivery.status, delivery.attempts) == ("failed", 0)
    assert delivery.error == "the webhook was switched off or deleted"
    refused = api.post(f"/webhooks/{made['id']}/test")
    assert (refused.status_code, refused.json["code"]) == (409, "webhook_inactive")
    assert receiver.messages == []


def test_a_webhook_is_deleted_with_all_that_is_its_own(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    api = cast.api("alice")
    made, other = make(api, receiver.url), make(api, receiver.url)
    for one in (made, other):
        api.post(f"/webhooks/{one['id']}/test")
    first, second = deliveries()
    run(first)
    first_id, second_id = first.id, second.id
    assert api.delete(f"/webhooks/{made['id']}").status_code == 204
    assert last_action(alice) == "delete"
    db.session.expire_all()
    assert [one.id for one in deliveries()] == [second_id]
    assert (count(WebhookSecret), count(Attempt)) == (1, 0)
    assert api.get(f"/webhooks/{made['id']}").status_code == 404
    jobs.find("webhook")(f"webhook-{first_id}")
    cast.browser("alice").post(f"/settings/webhooks/{other['id']}/deletion")
    assert api.get("/webhooks").json == []
    assert count(Delivery) == 0


def test_a_private_address_is_refused_when_it_is_named(
    app: APIFlask, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = app.config["CALLBOARD"].model_copy(update={"allowed_hosts": ""})
    monkeypatch.setitem(app.config, "CALLBOARD", closed)
    api = cast.api("alice")
    for url in ("http://localhost/", "http://127.0.0.1:9/", "https://[::1]/", "https://10.1.1.1/"):
        refused = api.post("/webhooks", {"url": url})
        assert (refused.status_code, refused.json["code"]) == (422, "private_address")
        assert "CALLBOARD_ALLOWED_HOSTS" in refused.json["suggestions"][0]
    made = make(api)
    refused = api.request("PATCH", f"/webhooks/{made['id']}", {"url": "http://localhost/"})
    assert refused.status_code == 422


def test_a_private_address_is_refused_wherever_one_is_named(
    app: APIFlask, cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = app.config["CALLBOARD"].model_copy(update={"allowed_hosts": ""})
    monkeypatch.setitem(app.config, "CALLBOARD", closed)
    agent, api, url = make_agent(alice), cast.api("alice"), "https://10.1.1.1/hook"
    refused = api.post(f"/agents/{agent.id}/coverage/refresh?webhook_url={url}")
    assert (refused.status_code, refused.json["code"]) == (422, "private_address")
    assert refused.json["errors"][0]["field"] == "webhook_url"
    features = {"features_config": {"coverage_alert_webhook": url}}
    refused = api.request("PATCH", f"/agents/{agent.id}", features)
    assert refused.status_code == 422
    assert "names 10.1.1.1, a private address" in refused.json["errors"][0]["message"]
    assert api.get("/tasks").json == []
    allowed = closed.model_copy(update={"allowed_hosts": "10.1.0.0/16"})
    monkeypatch.setitem(app.config, "CALLBOARD", allowed)
    assert api.request("PATCH", f"/agents/{agent.id}", features).status_code == 200


def test_the_sentence_of_a_refused_scheme_says_what_the_hint_says(cast: Cast) -> None:
    browser = cast.browser("alice")
    page = browser.post("/settings/webhooks", {"url": "http://example.com/"}, status=422)
    hint, error = (page.css_first(f"#url-{kind}").text() for kind in ("hint", "error"))
    assert "http:// is for hosts that CALLBOARD_ALLOWED_HOSTS names" in hint
    assert error == (
        "The address must begin with https:// "
        "(http:// is for hosts that CALLBOARD_ALLOWED_HOSTS names)."
    )


def test_what_everybody_sees_of_a_webhook_is_not_its_address(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    """The path often is all that keeps others from writing to it."""
    api = cast.api("alice")
    made = make(api, "https://hooks.example.com/services/garnet")
    api.request("PATCH", f"/webhooks/{made['id']}", {"events": ["task.failed"]})
    names = {entry.subject_name for entry in audit.latest(alice.organization_id, limit=2)}
    assert names == {"hooks.example.com"}
    activity = cast.browser("vera").get("/")
    assert "hooks.example.com" in activity.text()
    assert "garnet" not in str(activity.html)
    assert "services/garnet" in cast.browser("alice").get("/settings/webhooks").text()


# Who


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_only_admins_see_webhooks(cast: Cast, name: str) -> None:
    made = make(cast.api("alice"))
    api = cast.api(name)
    for path in ("", "/events", "/deliveries", f"/{made['id']}", f"/{made['id']}/deliveries"):
        assert api.get(f"/webhooks{path}").status_code == 403
    assert api.post("/webhooks", {"url": HOOK}).status_code == 403
    cast.browser(name).get("/settings/webhooks", status=403)


def test_another_organization_knows_nothing_of_them(cast: Cast) -> None:
    made = make(cast.api("alice"))
    api, path = cast.api("charlie"), f"/webhooks/{made['id']}"
    assert api.get("/webhooks").json == []
    assert api.get("/webhooks/deliveries").json == []
    answers = [
        api.get(path), api.request("PATCH", path, {"is_active": False}), api.delete(path),
        api.post(f"{path}/test"), api.post(f"{path}/secret", {}),
        api.delete(f"{path}/secret/previous"), api.get(f"{path}/deliveries"),
    ]  # fmt: skip
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json["detail"] for answer in answers} == {f"Webhook not found: {made['id']}"}
    assert services.get_webhook(UUID(made["id"]), actor=cast.actor("alice")).is_active


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
        with cast.app.app_context():
            deleted.append(services.delete_webhook(UUID(made["id"]), actor=alice).url)

    deleting = Thread(target=delete)

    def begin_to_delete(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Once the first row is locked; given a moment to lock what it can."""
        if "FOR UPDATE" in statement and deleting.ident is None:
            deleting.start()
            deleting.join(0.5)

    event.listen(db.engine, "after_cursor_execute", begin_to_delete)
    try:
        sent = api.post(f"/webhooks/deliveries/{delivery.id}/resend")
    finally:
        event.remove(db.engine, "after_cursor_execute", begin_to_delete)
    deleting.join()
    assert (sent.status_code, deleted) == (202, [receiver.url])
    assert count(Delivery) == 0
