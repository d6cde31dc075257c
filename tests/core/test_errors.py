"""Every refusal is a problem with a code and a useful sentence, and changes nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.cast import Cast
from tests.factories import make_agent, make_document
from webapp.core.actor import Actor
from webapp.core.schemas import MAX_DEPTH

JSON = {"Content-Type": "application/json"}


def check(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    problem = response.get_json(force=True)
    assert problem["code"] == code
    assert problem["status"] == status
    assert len(problem["detail"]) > 8
    assert problem["request_id"] == response.headers["X-Request-ID"]
    return problem


def test_the_framework_refuses_with_problems_too(cast: Cast) -> None:
    api = cast.api("alice")
    check(api.get("/nowhere"), 404, "not_found")
    check(api.request("PATCH", "/documents"), 405, "method_not_allowed")
    check(cast.api(None).get("/agents"), 401, "unauthenticated")
    check(api.get("/agents", headers={"X-API-Key": "nonsense"}), 401, "bad_api_key")
    check(api.post("/agents", data="x=1", headers={"Content-Type": "text/plain"}), 415,
          "unsupported_media_type")  # fmt: skip
    check(api.post("/agents", data=b"x" * (1024 * 1024 + 1), headers=JSON), 413, "too_large")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"name": NaN}', 400),
        (b'{"name": 1e999}', 400),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), 400),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), 422),
        (b"[]", 422),
        (b"null", 422),
        (b"{}", 422),
        (b'{"name": "x", "instructions": "y", "colour": "red"}', 422),
        (b'{"name": 7, "instructions": "y"}', 422),
        (b'{"name": "a\\u0000b", "instructions": "y"}', 422),
        (b'{"name": "\\ud800", "instructions": "y"}', 422),
        (b'{"name": " ", "instructions": "y"}', 422),
        (b'{"name": "x", "instructions": "y", "handle": "No Way"}', 422),
        (b'{"name": "x", "instructions": "y", "handle": "search"}', 422),
        (b'{"name": "x", "instructions": "y", "panels": ["window"]}', 422),
        (b'{"name": "x", "instructions": "y", "modality": "smell"}', 422),
        (b'{"name": "x", "instructions": "y", "retrieval_config": {"top_k": 99}}', 422),
        (b'{"name": "x", "instructions": "y", "handoff_targets": ["nobody"]}', 400),
    ],
)
def test_a_bad_body_is_refused_and_changes_nothing(cast: Cast, body: bytes, status: int) -> None:
    api = cast.api("alice")
    response = api.post("/agents", data=body, headers=JSON)
    code = response.get_json(force=True)["code"]
    check(response, status, code)
    assert api.get("/agents").json == []


def test_405_allows_what_this_address_does_and_not_its_neighbours(cast: Cast) -> None:
    api = cast.api("alice")
    refused = api.post("/agents/bulk", {})
    check(refused, 405, "method_not_allowed")
    assert refused.headers["Allow"] == "DELETE, OPTIONS, PATCH"
    assert "DELETE, OPTIONS, PATCH." in refused.json["detail"]
    assert api.request("OPTIONS", "/agents/bulk").headers["Allow"] == "DELETE, OPTIONS, PATCH"
    assert api.delete("/agents").headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_json_ends_with_a_newline_as_a_shell_expects_it(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    api = cast.api("alice")
    paths = ("", "/helper", "/nobody", "/helper/coverage", "/export", "/search?q=x")
    answers = [api.get(f"/agents{path}") for path in paths]
    answers += [api.get("/health"), api.client.get("/openapi.json")]
    for answer in answers:
        assert answer.data.endswith((b"}\n", b"]\n")), answer.request.path
        assert int(answer.headers.get("Content-Length", len(answer.data))) == len(answer.data)
    assert api.request("HEAD", "/agents/helper").data == b""
    etag = {"If-None-Match": answers[1].headers["ETag"]}
    assert api.get("/agents/helper", headers=etag).data == b""


def test_null_is_no_change(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="helper")
    api = cast.api("alice")
    for method in ("PATCH", "PUT"):
        refused = api.request(method, "/agents/helper", data=b"null", headers=JSON)
        problem = check(refused, 422, "invalid")
        assert problem["errors"][0]["field"] == "body"
    assert api.get(f"/agents/{agent.id}").json["revision"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/agents", {"name": "x", "instructions": "y", "activate": 0}, "activate"),
        ("POST", "/agents", {"name": "x", "instructions": "y", "activate": "no"}, "activate"),
        ("PATCH", "/agents/helper", {"paused": 1}, "paused"),
        ("POST", "/agents/helper/query", {"query": "x", "top_k": True}, "top_k"),
        ("POST", "/agents/helper/query", {"query": "x", "streaming": 0}, "streaming"),
        ("POST", "/documents", {"content": "x", "confidence": False}, "confidence"),
        ("POST", "/documents", {"content": "x", "confidence": "0.9"}, "confidence"),
        ("PATCH", "/agents/bulk", {"filter": {"active": 1}, "changes": {"paused": True}},
         "filter.active"),
        ("DELETE", "/agents/bulk", {"filter": {"min_coverage": False}}, "filter.min_coverage"),
        ("POST", "/documents/bulk", {"filter": {"proposed": 0}, "action": "delete"},
         "filter.proposed"),
        ("POST", "/documents/bulk/preview", {"filter": {"proposed": "0"}, "action": "delete"},
         "filter.proposed"),
    ],
)  # fmt: skip
def test_booleans_and_numbers_are_those_of_json(
    cast: Cast, alice: Actor, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    make_agent(alice, handle="helper")
    make_document(alice)
    api = cast.api("alice")
    problem = check(api.request(method, path, body), 422, "invalid")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert [agent["revision"] for agent in api.get("/agents").json] == [1]
    assert len(api.get("/documents").json) == 1


def test_a_query_string_is_read_as_the_type_that_is_wanted(cast: Cast, alice: Actor) -> None:
    make_agent(alice)
    api = cast.api("alice")
    assert len(api.get("/agents?active=true&min_coverage=0&limit=5").json) == 1
    assert api.get("/agents?active=0").json == []


def test_422_names_the_fields(cast: Cast) -> None:
    response = cast.api("alice").post("/agents", {"name": 1, "colour": "red"})
    problem = check(response, 422, "invalid")
    assert {error["field"] for error in problem["errors"]} == {"name", "instructions", "colour"}


def test_a_query_string_that_is_no_text_is_refused(cast: Cast) -> None:
    api = cast.api("alice")
    check(api.get("/agents?q=%00"), 422, "invalid")
    check(api.get("/agents?limit=0"), 422, "invalid")
    check(api.get("/tasks?limit=many"), 422, "invalid")


def test_a_sane_request_id_is_kept_and_an_insane_one_replaced(cast: Cast) -> None:
    api = cast.api("alice")
    assert (
        api.get("/agents", headers={"X-Request-ID": "mine-1"}).headers["X-Request-ID"] == "mine-1"
    )
    replaced = api.get("/agents", headers={"X-Request-ID": "no\tway"}).headers["X-Request-ID"]
    assert len(replaced) == 36


def test_what_is_not_there_has_one_title_whoever_misses_it(cast: Cast) -> None:
    for path in ("/agents/nobody", "/nowhere/at/all"):
        page = cast.browser("alice").get(path, status=404)
        assert page.css_first("h1").text() == "Not found"
        assert cast.api("alice").get(path).json["title"] == "Not found"


def test_a_page_and_an_htmx_request_get_their_own_faces(cast: Cast) -> None:
    browser = cast.browser("alice")
    page = browser.get("/agents/nobody", status=404)
    assert "Agent not found: nobody" in page.body.text()
    response = browser.client.get("/agents/nobody", headers={"HX-Request": "true"})
    assert response.status_code == 404
    assert response.text.startswith("<hx-partial")


def test_a_write_of_a_session_needs_its_csrf_token(cast: Cast) -> None:
    browser = cast.browser("alice")
    body = {"name": "x", "instructions": "y"}
    check(browser.client.post("/api/v1/agents", json=body), 403, "csrf_failed")
    token = browser.csrf_token()
    response = browser.client.post("/api/v1/agents", json=body, headers={"X-CSRFToken": token})
    assert response.status_code == 201


def test_api_without_version_answers_the_same(cast: Cast) -> None:
    key = {"X-API-Key": cast.key("vera")}
    client = cast.app.test_client()
    assert client.get("/api/agents", headers=key).json == client.get(
        "/api/v1/agents", headers=key
    ).json == []  # fmt: skip


def test_the_openapi_document_is_valid_and_tells_of_problems(cast: Cast) -> None:
    from openapi_spec_validator import validate

    spec = cast.app.test_client().get("/openapi.json").get_json()
    validate(spec)
    assert spec["openapi"].startswith("3.1")
    responses = spec["paths"]["/api/v1/agents"]["post"]["responses"]
    assert {"201", "400", "401", "403", "409", "413", "415", "422", "429", "500"} <= set(responses)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_a_time_for_which_utc_has_no_year_is_refused_by_its_field(cast: Cast, moment: str) -> None:
    api = cast.api("alice")
    agent_id = api.post("/agents", {"name": "A", "instructions": "Help."}).json["id"]
    history = api.get(f"/agents/{agent_id}/coverage/history?" + urlencode({"start_date": moment}))
    key = api.post("/api-keys", {"name": "night", "expires_at": moment})
    version = {"version": 1, "snapshot": {"name": "B"}, "created_at": moment}
    agent = {"name": "B", "instructions": "Help.", "versions": [version]}
    imported = api.post("/agents/import", {"agents": [agent]})
    fields = []
    for refused in (history, key, imported):
        (error,) = check(refused, 422, "invalid")["errors"]
        assert error["message"] == "must be within the years 1 to 9999 in UTC"
        fields.append(error["field"])
    assert fields == ["start_date", "expires_at", "agents.0.versions.0.created_at"]
