"""Messages to webhooks: what arrives, what is tried again, who sees what.

See docs/contract/knowledge.md, webhook.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select

from tests.cast import Cast
from tests.factories import make_agent
from tests.webhooks.receiving import Receiver, run, send
from webapp import engine
from webapp.core.actor import Actor
from webapp.core.errors import Forbidden
from webapp.core.extensions import db
from webapp.engine import jobs
from webapp.tasks.models import Task
from webapp.webhooks import deliveries
from webapp.webhooks import services as webhooks
from webapp.webhooks.models import Delivery, Status
from webapp.webhooks.urls import check_url

#: what `check_url` refuses, and a word of the reason
REFUSED = [
    ("http://example.com/hook", "https://"),
    ("http://127.0.0.1.example.com/", "https://"),
    ("http://localhost@example.com/", "https://"),
    ("ftp://localhost/hook", "https://"),
    ("//localhost/hook", "https://"),
    ("https:///hook", "https://"),
    ("nonsense", "https://"),
    ("https://somebody:secret@example.com/", "password"),
    ("http://localhost:99999/", "address"),
    ("https://[::1/", "address"),
    ("https://example.com/a b", "spaces"),
    ("https://example.com/\x07", "control"),
    ("https://exam\nple.com/", "control"),
    ("https://a..example.com/", "host"),
    (f"https://{'a' * 64}.example.com/", "host"),
    (f"https://example.com/{'a' * 2000}", "2000 characters"),
]


SECRET = {"overlap_hours": "24"}


def only_delivery() -> Delivery:
    return db.session.scalars(select(Delivery)).one()


def count(model: type[Delivery | Task]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


# What arrives


@pytest.mark.parametrize("background", ["true", "false"])
def test_a_refresh_tells_its_webhook_how_it_ended(
    cast: Cast, alice: Actor, receiver: Receiver, background: str
) -> None:
    agent, api = make_agent(alice), cast.api("alice")
    path = f"/agents/{agent.id}/coverage/refresh?background={background}&webhook_url={receiver.url}"
    task = api.post(path).json
    if background == "true":
        assert count(Delivery) == 0
        jobs.find("task")(task["task_id"])
        task = api.get(f"/tasks/{task['task_id']}").json
    assert task["status"] == "completed"

    delivery = only_delivery()
    assert engine.status(f"webhook-{delivery.id}") == "pending"
    assert not receiver.messages
    run(delivery)

    ((headers, body),) = receiver.messages
    assert json.loads(body) == {
        "task_id": task["task_id"],
        "agent_id": str(agent.id),
        "status": "completed",
        "result": {"coverage_percent": 0.0, "total_documents": 0, "total_chunks": 0},
        "error": None,
        "completed_at": task["completed_at"],
    }
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Callboard-Delivery"] == str(delivery.id)
    assert (delivery.status, delivery.attempts) == (Status.DELIVERED, 1)
    assert (delivery.response_status, delivery.error) == (200, None)
    assert delivery.completed_at is not None


def test_a_cancelled_refresh_tells_its_webhook(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    agent, api = make_agent(alice), cast.api("alice")
    task = api.post(f"/agents/{agent.id}/coverage/refresh?webhook_url={receiver.url}").json
    assert api.delete(f"/tasks/{task['task_id']}").status_code == 204
    run(only_delivery())
    assert json.loads(receiver.messages[0][1])["status"] == "cancelled"


def test_the_signature_verifies_with_the_organizations_secret(
    cast: Cast, alice: Actor, charlie: Actor, receiver: Receiver
) -> None:
    page = cast.browser("alice").post("/settings/webhooks/secret", SECRET)
    secret = page.css_first("#webhook-secret").text()
    run(send(alice, receiver.url, text="Grüße, 世界", b=1, a=[None, True]))

    ((headers, body),) = receiver.messages
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Agent-Signature"] == f"sha256={expected}"
    assert json.loads(body) == {"text": "Grüße, 世界", "b": 1, "a": [None, True]}
    assert list(json.loads(body)) == ["a", "b", "text"]

    run(send(charlie, receiver.url, text="Grüße, 世界", b=1, a=[None, True]))
    others, same = receiver.messages[1]
    assert same == body
    assert others["X-Agent-Signature"] != headers["X-Agent-Signature"]


# What is tried again


def test_a_500_is_tried_three_times_and_has_failed_then(
    alice: Actor, receiver: Receiver, pauses: list[float]
) -> None:
    receiver.answers = [500, 503, 500, 200]
    delivery = run(send(alice, receiver.url))
    assert len(receiver.messages) == 3
    assert len({body for _, body in receiver.messages}) == 1
    assert (delivery.status, delivery.attempts) == (Status.FAILED, 3)
    assert (delivery.response_status, delivery.error) == (500, "answered 500")
    assert delivery.completed_at is not None
    assert pauses == [1, 2]


def test_an_address_that_recovers_is_told(
    alice: Actor, receiver: Receiver, pauses: list[float]
) -> None:
    receiver.answers = [502, 204]
    delivery = run(send(alice, receiver.url))
    assert (delivery.status, delivery.attempts) == (Status.DELIVERED, 2)
    assert (delivery.response_status, delivery.error) == (204, None)
    assert pauses == [1]
    run(delivery)
    assert len(receiver.messages) == 2


@pytest.mark.parametrize("status", [400, 404, 410, 429])
def test_a_refusal_is_final(
    alice: Actor, receiver: Receiver, pauses: list[float], status: int
) -> None:
    receiver.answers = [status, 200]
    delivery = run(send(alice, receiver.url))
    assert len(receiver.messages) == 1
    assert (delivery.status, delivery.attempts) == (Status.FAILED, 1)
    assert (delivery.response_status, delivery.error) == (status, f"answered {status}")
    assert pauses == []


def test_a_redirect_is_not_followed(alice: Actor, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [307, 200], {"Location": receiver.url}
    delivery = run(send(alice, receiver.url))
    assert len(receiver.messages) == 1
    assert (delivery.status, delivery.response_status) == (Status.FAILED, 307)


def test_an_address_that_nobody_answers_is_tried_again(
    alice: Actor, receiver: Receiver, pauses: list[float]
) -> None:
    url = receiver.url
    receiver.close()
    delivery = run(send(alice, url))
    assert (delivery.status, delivery.attempts) == (Status.FAILED, 3)
    assert delivery.response_status is None
    assert delivery.error is not None
    assert delivery.error.startswith("ConnectError")
    assert pauses == [1, 2]


def test_a_host_that_cannot_be_encoded_ends_as_failed(alice: Actor) -> None:
    # Older than the rule that refuses it: the job must end all the same.
    delivery = run(send(alice, f"https://{'a' * 64}.example/"))
    assert (delivery.status, delivery.attempts) == (Status.FAILED, 3)


def test_an_answer_without_end_holds_nobody(alice: Actor, receiver: Receiver) -> None:
    receiver.never_ends = True
    delivery = run(send(alice, receiver.url))
    assert (delivery.status, delivery.attempts) == (Status.DELIVERED, 1)


def test_headers_without_end_hold_nobody(
    alice: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "TIMEOUT_SECONDS", 0.5)
    receiver.drips = True
    delivery = run(send(alice, receiver.url))
    assert (delivery.status, delivery.error) == (Status.FAILED, "no answer within 0.5 s")
    assert len(receiver.messages) == 3


def test_a_dead_worker_takes_no_attempt_back(alice: Actor, receiver: Receiver) -> None:
    delivery = send(alice, receiver.url)
    delivery.attempts = 3
    db.session.commit()
    assert run(delivery).status == Status.FAILED
    assert not receiver.messages


def test_a_fault_of_our_own_is_an_attempt_like_any_other(
    alice: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    def fail(*_args: object) -> dict[str, str]:
        raise KeyError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(deliveries.signing, "sign", fail)
        delivery = run(send(alice, receiver.url))
    assert (delivery.status, delivery.attempts) == (Status.FAILED, 3)
    assert delivery.error == "something went wrong on our side"
    assert pauses == [1, 2]
    assert receiver.messages == []


def test_a_stopping_worker_leaves_the_message_to_another(
    alice: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = send(alice, receiver.url)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "is_stopping", lambda: True)
        with pytest.raises(engine.Interrupted):
            run(delivery)
    assert (run(delivery).status, delivery.attempts) == (Status.DELIVERED, 1)


@pytest.mark.parametrize(
    ("statuses", "becomes", "tries"),
    [
        ((200, 299), Status.DELIVERED, 1),
        ((300, 307, 400, 404, 429, 451, 499), Status.FAILED, 1),
        ((500, 599), Status.FAILED, 3),
    ],
)
def test_the_document_says_what_an_answer_does(
    alice: Actor,
    receiver: Receiver,
    docs: Path,
    pauses: list[float],
    statuses: tuple[int, ...],
    becomes: Status,
    tries: int,
) -> None:
    text = " ".join((docs / "operations.md").read_text().split())
    assert "from 200 to 299 within 10 seconds has delivered a message" in text
    assert "One from 300 to 499 refuses it for good: no redirect is followed" in text
    assert "After any other answer, or none, it is tried again: a webhook nine times" in text
    assert "an address that a request or an agent names three times" in text
    assert deliveries.TIMEOUT_SECONDS == 10
    for status in statuses:
        receiver.messages.clear()
        receiver.answers = tries * [status] + [200]
        delivery = run(send(alice, receiver.url))
        assert (delivery.status, len(receiver.messages)) == (becomes, tries), status
    assert len(pauses) == (tries - 1) * len(statuses)


# Private addresses


def test_a_private_address_is_not_called_unless_it_is_allowed(
    app: APIFlask, alice: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = app.config["CALLBOARD"].model_copy(update={"allowed_hosts": ""})
    monkeypatch.setitem(app.config, "CALLBOARD", nobody)
    for host in ("127.0.0.1", "localhost"):
        delivery = run(send(alice, receiver.url.replace("127.0.0.1", host)))
        assert (delivery.status, delivery.attempts) == (Status.FAILED, 1)
        assert delivery.error == (
            f"{host} is a private address; CALLBOARD_ALLOWED_HOSTS does not name it"
        )
    assert receiver.messages == []


# Addresses that are refused


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_an_address_that_is_no_webhooks_is_refused(
    cast: Cast, alice: Actor, url: str, reason: str
) -> None:
    agent, api = make_agent(alice), cast.api("alice")
    for background in ("true", "false"):
        query = f"background={background}&webhook_url={quote(url)}"
        response = api.post(f"/agents/{agent.id}/coverage/refresh?{query}")
        assert response.status_code == 422, response.json
        (error,) = response.json["errors"]
        assert error["field"] == "webhook_url"
        assert reason in error["message"]
    assert (count(Delivery), count(Task)) == (0, 0)
    assert api.get(f"/agents/{agent.id}/coverage/history").json["history"] == []


@pytest.mark.parametrize("url", [url for url, _ in REFUSED])
def test_an_alert_goes_to_no_such_address_either(cast: Cast, alice: Actor, url: str) -> None:
    agent, api = make_agent(alice), cast.api("alice")
    body = {"features_config": {"coverage_alert_webhook": url}}
    assert api.request("PATCH", f"/agents/{agent.id}", body).status_code == 422
    assert api.get(f"/agents/{agent.id}").json["features_config"] == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?token=1",
        "https://bücher.example:8443/",
        "http://localhost/",
        "http://127.0.0.1:9/",
        "http://[::1]:9/",
    ],
)
def test_these_addresses_are_taken(app: APIFlask, url: str) -> None:
    assert check_url(url) == url


def test_a_host_that_is_allowed_by_name_may_be_called_without_tls(
    app: APIFlask, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = app.config["CALLBOARD"].model_copy(
        update={"allowed_hosts": "hooks.internal, 10.1.0.0/16"}
    )
    monkeypatch.setitem(app.config, "CALLBOARD", allowed)
    for url in ("http://hooks.internal:5678/hook", "http://10.1.2.3/"):
        assert check_url(url) == url
    for url in ("http://other.internal/", "http://10.2.0.1/", "ftp://hooks.internal/"):
        with pytest.raises(ValueError, match="https://"):
            check_url(url)


# Who sees what


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_only_admins_see_the_secret_and_the_messages(
    cast: Cast, alice: Actor, receiver: Receiver, name: str
) -> None:
    send(alice, receiver.url)
    actor, secret = cast.actor(name), webhooks.rotate_secret(None, actor=alice).secret
    with pytest.raises(Forbidden):
        webhooks.rotate_secret(None, actor=actor)
    with pytest.raises(Forbidden):
        webhooks.list_deliveries(actor=actor)
    browser = cast.browser(name)
    page = browser.get("/settings/webhooks", status=403)
    assert secret not in str(page.html)
    assert receiver.url not in str(page.html)
    refresh = f"/agents/{make_agent(alice).id}/coverage/refresh?webhook_url={receiver.url}"
    assert cast.api(name).post(refresh).status_code == 403
    assert (count(Delivery), count(Task)) == (1, 0)


def test_the_page_shows_what_became_of_each_message(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    browser = cast.browser("alice")
    assert "No messages yet" in browser.get("/settings/webhooks").text()
    receiver.answers = [400]
    refused = run(send(alice, receiver.url, event="coverage_fell"))
    told = run(send(alice, receiver.url, task_id="task-1"))
    waiting = send(alice, receiver.url)
    page = browser.get("/settings/webhooks")
    rows = {row.attributes["id"]: row.text() for row in page.css("#deliveries tbody tr")}
    assert list(rows) == [f"delivery-{one.id}" for one in (waiting, told, refused)]
    assert "pending" in rows[f"delivery-{waiting.id}"]
    assert "delivered" in rows[f"delivery-{told.id}"]
    assert "task-1" in rows[f"delivery-{told.id}"]
    assert "failed" in rows[f"delivery-{refused.id}"]
    assert "answered 400" in rows[f"delivery-{refused.id}"]
    assert "coverage_fell" in rows[f"delivery-{refused.id}"]


def test_the_page_of_a_webhook_says_what_comes_next_and_its_address_once(
    cast: Cast, alice: Actor, receiver: Receiver
) -> None:
    browser = cast.browser("alice")
    deliveries = browser.get("/settings/webhooks").css_first("#deliveries")
    assert "Here stands what webhooks were told" in deliveries.text()
    webhook, _ = webhooks.create_webhook(receiver.url, actor=alice)
    deliveries = browser.get("/settings/webhooks").css_first("#deliveries")
    assert "As soon as a webhook is told something" in deliveries.text()
    page = browser.get(f"/settings/webhooks/{webhook.id}")
    assert "Send a test, and see here whether it arrives." in page.css_first("#deliveries").text()
    options = [option.text() for option in page.css("[name=overlap_hours] option")]
    assert options == ["no longer", "an hour", "a day", "a week"]
    webhooks.send_test(webhook.id, actor=alice)
    row = browser.get(f"/settings/webhooks/{webhook.id}").css_first("#deliveries tbody tr")
    assert receiver.url not in row.text()
    row = browser.get("/settings/webhooks").css_first("#deliveries tbody tr")
    assert f"to {receiver.url}" in row.text()


def test_another_organization_sees_neither_messages_nor_secret(
    cast: Cast, alice: Actor, charlie: Actor, receiver: Receiver
) -> None:
    delivery = run(send(alice, receiver.url))
    secret = webhooks.rotate_secret(None, actor=alice).secret
    page = cast.browser("charlie").get("/settings/webhooks")
    assert "No messages yet" in page.text()
    assert secret not in str(page.html)
    assert receiver.url not in str(page.html)
    assert page.css_first("#webhook-secret") is None
    assert webhooks.list_deliveries(actor=charlie).items == []
    assert [one.id for one in webhooks.list_deliveries(actor=alice).items] == [delivery.id]
    refresh = f"/agents/{make_agent(alice).id}/coverage/refresh?webhook_url={receiver.url}"
    assert cast.api("charlie").post(refresh).status_code == 404
    assert count(Delivery) == 1
