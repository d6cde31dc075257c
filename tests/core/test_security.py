"""The gate as every request meets it: what it refuses, and the headers of what it lets out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast
from tests.factories import make_agent
from webapp.config import Settings
from webapp.core.actor import Actor

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json(force=True)["code"]


@pytest.mark.parametrize(
    ("path", "status", "cache_control"),
    [
        ("/agents", 200, "no-store"),
        ("/agents/nobody", 404, "no-store"),
        ("/api/v1/agents", 200, "no-store"),
        ("/api/v1/agents/nobody", 404, "no-store"),
        ("/api/v1/agents/helper", 200, "private, no-cache"),
        ("/static/css/tokens.css", 200, "public, max-age=3600"),
    ],
)
def test_every_answer_has_the_headers_that_browsers_need(
    cast: Cast, alice: Actor, path: str, status: int, cache_control: str | None
) -> None:
    make_agent(alice, handle="helper")
    answer = cast.browser("alice").client.get(path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers.get("Cache-Control") == cache_control


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/agents?tag=%00", "tag"),
        ("/agents?tag=tea&tag=%00", "tag"),  # each of them, not the first alone
        ("/agents?tag=%EF%BF%BD", "tag"),
        ("/agents/%00", "agent_id"),
        ("/agents/%FF", "agent_id"),
    ],
)
def test_an_address_that_is_no_text_is_refused(cast: Cast, path: str, field: str) -> None:
    answer = cast.api("alice").get(path)
    assert code(answer) == (422, "invalid")
    assert answer.get_json(force=True)["detail"] == f"{field} holds bytes that are not text."
    assert answer.get_json(force=True)["errors"][0]["field"] == field


@pytest.mark.parametrize("length", ["0", None])
def test_an_empty_body_is_told_what_to_send(cast: Cast, length: str | None) -> None:
    given = {"CONTENT_LENGTH": length} if length else {}
    refused = cast.api("alice").request("POST", "/agents", environ_overrides=given)
    assert code(refused) == (415, "unsupported_media_type")
    problem = refused.get_json(force=True)
    assert problem["detail"] == "This address reads application/json, not 'nothing'."
    assert problem["suggestions"] == ["Send the header Content-Type: application/json."]


@pytest.mark.parametrize("path", ["/agents", "/agents?limit=5"])
def test_what_is_only_read_may_say_any_type(cast: Cast, path: str) -> None:
    plain = {"Content-Type": "text/plain"}
    assert cast.api("alice").get(path, headers=plain).status_code == 200


def test_a_body_above_its_limit_is_refused_where_nobody_reads_it(
    cast: Cast, alice: Actor, settings: Settings
) -> None:
    make_agent(alice, handle="helper")
    client, key = cast.app.test_client(), {"X-API-Key": cast.key("alice")}
    cast.app.config["CALLBOARD"] = settings.model_copy(update={"max_body": 1_000})
    try:
        refused = client.post("/agents/helper/deletion", data=b"x" * 1_001, headers=key)
        assert refused.status_code == 413
        assert "The request body has 1,001 bytes; the limit is 1,000." in refused.text
        assert client.get("/api/v1/agents/helper", headers=key).status_code == 200
        done = client.post("/agents/helper/deletion", data=b"x" * 1_000, headers=key)
        assert done.status_code == 303
    finally:
        cast.app.config["CALLBOARD"] = settings


def test_who_is_not_signed_in_needs_the_token_of_the_page_too(cast: Cast) -> None:
    client = cast.app.test_client()
    form = {"email": "alice@example.com", "password": "correct horse battery"}
    assert client.post("/sign-in", data=form).status_code == 403
    assert client.get("/agents").status_code == 303
