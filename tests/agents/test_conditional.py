"""ETag, If-Match and If-None-Match (docs/contract/http.md, conditional)."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import services
from webapp.agents.schemas import AgentPatch
from webapp.core.actor import Actor
from webapp.core.errors import PreconditionFailed
from webapp.core.http.preconditions import check_version


def test_reads_and_writes_carry_the_etag(cast: Cast) -> None:
    api = cast.api("alice")
    created = api.post("/agents", {"name": "A", "instructions": "Do."})
    assert created.headers["ETag"] == '"v1-1"'
    assert api.get("/agents/a").headers["ETag"] == '"v1-1"'
    assert api.put("/agents/a", {"voice": "v"}).headers["ETag"] == '"v2-2"'
    assert api.request("PATCH", "/agents/a", {"paused": True}).headers["ETag"] == '"v2-3"'


def test_a_reader_with_the_same_state_gets_304(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    api = cast.api("vera")
    for known in ('"v1-1"', 'W/"v1-1"', '"v9-9", "v1-1"'):
        response = api.get("/agents/a", headers={"If-None-Match": known})
        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == '"v1-1"'
    # The definition is the same, but the record is not.
    services.update_agent("a", AgentPatch(paused=True), actor=alice)
    assert api.get("/agents/a", headers={"If-None-Match": '"v1-1"'}).status_code == 200


def test_a_star_stands_for_whatever_is_there(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    read = api.get("/agents/a", headers={"If-None-Match": "*"})
    assert (read.status_code, read.data, read.headers["ETag"]) == (304, b"", '"v1-1"')
    assert api.get("/agents/b", headers={"If-None-Match": "*"}).status_code == 404
    for method, body in (("PUT", {"name": "B"}), ("DELETE", None)):
        refused = api.request(method, "/agents/a", body, headers={"If-None-Match": "*"})
        assert (refused.status_code, refused.json["code"]) == (412, "precondition_failed")
    assert api.put("/agents/a", {"name": "B"}, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_stale_writer_gets_412_with_the_current_version(
    cast: Cast, alice: Actor, method: str
) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    api.put("/agents/a", {"description": "by another"})
    body = None if method == "DELETE" else {"name": "Mine"}
    refused = api.request(method, "/agents/a", body, headers={"If-Match": '"v1-1"'})
    assert (refused.status_code, refused.json["code"]) == (412, "stale_version")
    assert refused.headers["ETag"] == '"v2-2"'
    assert refused.json["extras"] == {"current_version": 2, "etag": '"v2-2"'}
    assert api.get("/agents/a").json["name"] == "Coding Expert"
    allowed = api.request(method, "/agents/a", body, headers={"If-Match": '"v2-1"'})
    assert allowed.status_code in (200, 204)


def test_only_the_version_part_is_compared() -> None:
    for matching in (None, "*", '"v3-1"', '"v3"', "v3", 'W/"v3-9"', '"v1-1", "v3-2"'):
        check_version("v3-7", matching)
    for other in ('"v2-7"', '"v33-7"', "", "nonsense", '"v4"'):
        with pytest.raises(PreconditionFailed):
            check_version("v3-7", other)
