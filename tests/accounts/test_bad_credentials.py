"""What credentials that are not good meet: a clear refusal, and what is public all the same."""

from __future__ import annotations

import pytest
from apiflask import APIFlask

from tests.browser import Browser
from tests.cast import Cast

BAD = [{"X-API-Key": "nonsense"}, {"Authorization": "Bearer nonsense"}, {"X-API-Key": ""}]


@pytest.mark.parametrize("headers", BAD)
@pytest.mark.parametrize("path", ["/health", "/api/v1/health", "/health/ready", "/openapi.json"])
def test_what_is_public_is_so_with_a_bad_key_too(
    cast: Cast, headers: dict[str, str], path: str
) -> None:
    without = cast.app.test_client().get(path)
    answer = cast.app.test_client().get(path, headers=headers)
    assert answer.status_code == without.status_code != 401


@pytest.mark.parametrize("headers", BAD)
@pytest.mark.parametrize("path", ["/", "/agents", "/settings/members"])
def test_a_page_says_so_and_leads_nowhere(cast: Cast, headers: dict[str, str], path: str) -> None:
    client = cast.app.test_client()
    # First without going after it: where a page led to itself, a browser would never end.
    assert client.get(path, headers=headers).status_code == 401
    browser = Browser(client)
    page = browser.get(path, status=401, headers=headers)
    assert browser.response is not None
    assert browser.response.history == ()
    assert "Invalid or missing API key" in page.body.text()
    assert "expired or revoked" in page.body.text()


@pytest.mark.once
def test_without_credentials_one_is_told_what_would_be_some(app: APIFlask) -> None:
    problem = app.test_client().get("/api/v1/agents")
    assert (problem.status_code, problem.json["code"]) == (401, "unauthenticated")
    assert problem.json["detail"] == "Invalid or missing credentials."
    assert problem.json["suggestions"] == [
        "Send an API key in X-API-Key or as a Bearer token, or sign in."
    ]


def test_the_sign_in_page_does_not_mind(cast: Cast) -> None:
    client = cast.app.test_client()
    assert client.get("/sign-in", headers=BAD[0]).status_code == 200
    page = Browser(client).get("/sign-in", headers=BAD[0])
    assert page.css_first("input[name=password]")


def test_a_bad_key_is_not_made_good_by_a_session(cast: Cast) -> None:
    client = cast.browser("alice").client
    assert client.get("/api/v1/agents").status_code == 200
    answer = client.get("/api/v1/agents", headers=BAD[0])
    assert answer.status_code == 401
    assert answer.get_json(force=True)["code"] == "bad_api_key"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Callboard"'


def test_htmx_is_told_in_its_own_way(cast: Cast) -> None:
    client = cast.app.test_client()
    answer = client.get("/agents", headers={"HX-Request": "true", **BAD[0]})
    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
    assert "Invalid or missing API key" in answer.text
    assert client.get("/agents", headers={"HX-Request": "true"}).headers["HX-Redirect"]
