"""Webhooks as rows: made, changed, switched off, tested, deleted, on pages and by the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from tests.cast import Cast
from tests.factories import make_agent
from tests.webhooks.receiving import (
    HOOK,
    Receiver,
    count,
    deliveries,
    last_action,
    make,
    run,
)
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.engine import jobs
from webapp.webhooks import services
from webapp.webhooks.models import Attempt, Delivery, WebhookSecret

EVENTS = [
    "coverage.fell",
    "execution.cancelled",
    "execution.completed",
    "execution.failed",
    "release.promoted",
    "release.published",
    "release.rolled_back",
    "task.cancelled",
    "task.completed",
    "task.failed",
]


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
