"""The knowledge API end to end against running processes, and its requirements one by one."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import pytest

from tests.cast import Cast
from tests.factories import make_agent, make_document
from tests.server import KEY, Installation, eventually
from webapp import index
from webapp.core.actor import Actor
from webapp.core.errors import Unavailable
from webapp.index.searching import search as real_search
from webapp.questions import api as questions_api
from webapp.questions import services

PATHS = [["Physics", "Aerodynamics"], ["Physics", "Heat"], ["Kitchen", "Tea"]]


def stream(installation: Installation, path: str, body: Any) -> Iterator[tuple[float, Any]]:
    """Each event of a stream with the seconds since the request."""
    connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=60)
    started_at = time.monotonic()
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
    response = connection.getresponse()
    assert response.status == 200, response.read()
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Connection"] == "keep-alive"
    assert response.headers["X-Accel-Buffering"] == "no"
    while line := response.readline():
        if line.startswith(b"data: "):
            yield time.monotonic() - started_at, json.loads(line[6:])
            assert response.readline() == b"\n"
    connection.close()


@pytest.fixture(scope="module")
def taxonomy(installation: Installation) -> dict[str, str]:
    """The taxonomy and the documents of this module; node ids by label."""
    body = {"version": "1.0.0", "nodes": [{"path": path, "target_documents": 4} for path in PATHS]}
    grown = installation.request("POST", "/taxonomies", body)
    wing = "The wing of the garnet aircraft"
    documents = [
        {"title": f"Note {n}", "content": f"{wing} {n}.", "nodes": [["Physics", "Aerodynamics"]]}
        for n in range(6)
    ]
    tea = {"title": "Tea", "content": "Garnet tea is hot.", "nodes": [["Kitchen", "Tea"]]}
    documents.append(tea)
    for document in documents:
        installation.request("POST", "/documents", document)
    return {node["label"]: node["node_id"] for node in grown["nodes"]}


def test_the_whole_way_of_an_agent(installation: Installation, taxonomy: dict[str, str]) -> None:
    request = installation.request
    name = f"Physicist {uuid4().hex[:6]}"
    # create
    agent = request("POST", "/agents/from-taxonomy", {
        "name": name, "taxonomy_node_ids": [taxonomy["Physics"]], "taxonomy_version": "1.0.0",
        "scope_description": "Flight and heat", "features_config": {"stream_delay_ms": 0},
    })  # fmt: skip
    path = f"/agents/{agent['agent_id']}"
    assert (agent["level"], agent["current_xp"], agent["total_queries"]) == (1, 0, 0)
    assert agent["retrieval_config"] == {"top_k": 5, "strategy": "hybrid"}
    assert agent["total_documents"] == 6
    assert agent["coverage_percent"] == round(100 * 4 / 18, 2)
    assert agent["last_coverage_update"]
    # query, in its scope only
    answer = request("POST", f"{path}/query", {"query": "garnet wing"})
    assert answer["total_results"] == 5
    assert all(result["metadata"]["title"].startswith("Note") for result in answer["results"])
    tea = request("POST", f"{path}/query", {"query": "garnet tea", "top_k": 50})
    assert "Tea" not in {result["metadata"]["title"] for result in tea["results"]}
    # patch
    patched = request(
        "PATCH", path, {"scope_description": "Flight", "retrieval_config": {"top_k": 2}}
    )
    assert (patched["scope_description"], patched["total_queries"]) == ("Flight", 2)
    # search
    found = request("GET", f"/agents/search?q={name.split()[1]}")
    assert [item["agent_id"] for item in found["agents"]] == [agent["agent_id"]]
    # stream
    events = [event for _, event in stream(installation, f"{path}/query/stream", {"query": "wing"})]
    assert events[0] == {"status": "started", "agent_id": agent["agent_id"]}
    assert [event["index"] for event in events[1:-1]] == [0, 1]
    assert {"doc_id", "chunk_id", "content", "score", "metadata"} <= set(events[1])
    assert events[-1]["status"] == "completed"
    assert events[-1]["total_results"] == 2
    # refresh, status
    task = request("POST", f"{path}/coverage/refresh?background=true")
    assert task["status"] in ("pending", "running")

    def ended() -> Any:
        found = request("GET", f"{path}/coverage/status/{task['task_id']}")
        return found if found["status"] not in ("pending", "running") else None

    done = eventually(ended)
    assert done["status"] == "completed"
    assert done["started_at"]
    assert done["result"]["coverage_percent"] == round(100 * 4 / 18, 2)
    # history
    history = request("GET", f"{path}/coverage/history")
    assert history["total_entries"] == len(history["history"]) == 1
    assert history["history"][0]["total_documents"] == 6
    # delete, 404
    assert request("DELETE", path) is None
    for method in ("GET", "DELETE"):
        with pytest.raises(HTTPError) as gone:
            request(method, path)
        assert gone.value.code == 404


def test_a_finished_task_survives_a_kill_of_everything(
    installation: Installation, taxonomy: dict[str, str]
) -> None:
    request = installation.request
    body = {"name": "Cook", "taxonomy_node_ids": [taxonomy["Kitchen"]]}
    path = f"/agents/{request('POST', '/agents/from-taxonomy', body)['agent_id']}"
    first = request("POST", f"{path}/coverage/refresh?background=false")
    waiting = [request("POST", f"{path}/coverage/refresh")["task_id"] for _ in range(3)]
    installation.part("worker").kill()
    installation.part("gunicorn").kill()

    def all_ended() -> bool:
        try:
            states = [request("GET", f"/tasks/{task_id}")["status"] for task_id in waiting]
        except OSError:
            return False
        return set(states) == {"completed"}

    eventually(all_ended, seconds=60)
    assert request("GET", f"/tasks/{first['task_id']}")["result"] == first["result"]
    assert request("GET", f"{path}/coverage/history")["total_entries"] == 4


def test_results_are_paced_and_hold_no_thread(
    installation: Installation, taxonomy: dict[str, str]
) -> None:
    request = installation.request
    agent = request("POST", "/agents/from-taxonomy", {
        "name": "Slow", "taxonomy_node_ids": [taxonomy["Physics"]],
        "features_config": {"stream_delay_ms": 300},
    })  # fmt: skip
    path = f"/agents/{agent['agent_id']}/query/stream"
    times: list[list[float]] = []

    def follow() -> None:
        got = [at for at, _ in stream(installation, path, {"query": "wing", "top_k": 4})]
        times.append(got)

    # More than gunicorn has threads; each lasts for about a second.
    threads = [threading.Thread(target=follow) for _ in range(40)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    started_at = time.monotonic()
    request("GET", "/health")
    assert time.monotonic() - started_at < 30
    for thread in threads:
        thread.join(timeout=60)
    assert len(times) == 40
    for got in times:
        assert len(got) == 6
        # Never earlier than asked for: 0.3 s before each result but the first. What comes late
        # comes bunched, so only the whole since the request can be measured.
        assert got[4] > 0.9


def test_a_caller_who_leaves_ends_its_stream(
    installation: Installation, taxonomy: dict[str, str]
) -> None:
    agent = installation.request("POST", "/agents/from-taxonomy", {
        "name": "Left", "taxonomy_node_ids": [taxonomy["Physics"]],
        "features_config": {"stream_delay_ms": 5000},
    })  # fmt: skip
    events = stream(installation, f"/agents/{agent['agent_id']}/query/stream", {"query": "wing"})
    assert next(events)[1]["status"] == "started"
    assert next(events)[1]["index"] == 0
    events.close()
    assert installation.request("GET", "/health")


# What goes wrong


def test_an_unknown_agent_is_a_plain_404_before_the_stream_opens(cast: Cast) -> None:
    missing = uuid4()
    for path in (f"/agents/{missing}/query/stream", f"/agents/{missing}/query"):
        response = cast.api("bob").post(path, {"query": "x"})
        assert (response.status_code, response.json["detail"]) == (
            404,
            f"Agent not found: {missing}",
        )


def test_a_stream_that_goes_wrong_ends_with_an_error_event(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agent(alice, handle="helper")

    def fails(*_args: Any, **_options: Any) -> Any:
        raise Unavailable("The search took more than 3 s.", code="search_timeout")

    monkeypatch.setattr(services, "ask_agent", fails)
    response = cast.api("bob").post("/agents/helper/query/stream", {"query": "x"})
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line[:5] == "data:"]
    assert [event["status"] for event in events] == ["started", "error"]
    assert events[1]["detail"] == "The search took more than 3 s."
    assert (events[1]["code"], events[1]["status_code"]) == ("search_timeout", 503)


def test_a_search_that_takes_too_long_is_503(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agent(alice, handle="helper")
    make_document(alice)
    monkeypatch.setattr(services, "SEARCH_SECONDS", 0.2)

    def slow(*args: Any, **options: Any) -> Any:
        time.sleep(0.3)
        return real_search(*args, **options)

    monkeypatch.setattr(index, "search", slow)
    response = cast.api("bob").post("/agents/helper/query", {"query": "tea"})
    assert (response.status_code, response.json["code"]) == (503, "search_timeout")
    assert response.headers["Retry-After"]
    monkeypatch.undo()
    assert cast.api("bob").post("/agents/helper/query", {"query": "tea"}).status_code == 200
    assert cast.api("bob").get("/agents/helper").json["total_queries"] == 1


def test_a_statement_that_takes_too_long_is_stopped(cast: Cast) -> None:
    from sqlalchemy import text

    from webapp.core.database.transactions import time_limit
    from webapp.core.extensions import db

    slow = (
        "SELECT pg_sleep(30)"
        if db.engine.dialect.name == "postgresql"
        else "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000000)"
        " SELECT max(n) FROM c"
    )
    db.session.execute(text("SELECT 1"))
    started_at = time.monotonic()
    with pytest.raises(TimeoutError), time_limit(0.3):
        db.session.execute(text(slow))
    assert time.monotonic() - started_at < 20
    assert db.session.execute(text("SELECT 1")).scalar() == 1


@pytest.mark.parametrize("refused", [
    {"name": "A", "taxonomy_node_ids": []},
    {"name": "", "taxonomy_node_ids": ["x"]},
    {"name": "A", "taxonomy_node_ids": ["not-an-id"]},
    {"name": "A" * 256, "taxonomy_node_ids": [str(uuid4())]},
    {"name": "A"},
    {"name": "A", "taxonomy_node_ids": [str(uuid4())], "taxonomy_version": "one"},
    {"name": "A", "taxonomy_node_ids": [str(uuid4())], "scope_description": "x" * 501},
    {"name": "A", "taxonomy_node_ids": [str(uuid4())], "level": 5},
])  # fmt: skip
def test_an_agent_from_nonsense_is_refused(cast: Cast, refused: dict[str, Any]) -> None:
    api = cast.api("alice")
    assert api.post("/agents/from-taxonomy", refused).status_code == 422
    assert api.get("/agents").json == []


def test_an_agent_from_unknown_topics_is_400(cast: Cast) -> None:
    api = cast.api("alice")
    missing = str(uuid4())
    response = api.post("/agents/from-taxonomy", {"name": "A", "taxonomy_node_ids": [missing]})
    assert response.status_code == 400
    assert response.json["detail"] == f"Invalid taxonomy node IDs: {missing}"
    assert api.get("/agents").json == []


@pytest.mark.parametrize(
    "field", ["agent_id", "taxonomy_node_ids", "taxonomy_version", "created_at"]
)
def test_what_is_immutable_is_no_field_of_a_patch(cast: Cast, alice: Actor, field: str) -> None:
    agent = make_agent(alice)
    api = cast.api("alice")
    assert api.request("PATCH", f"/agents/{agent.id}", {field: "x"}).status_code == 422
    assert api.get(f"/agents/{agent.id}").json["current_version"] == 1


def test_an_unknown_agent_is_a_plain_404_whatever_is_asked(cast: Cast) -> None:
    api = cast.api("alice")
    missing = uuid4()
    for method, rest in (
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/coverage"), ("GET", "/gaps"),
        ("POST", "/coverage/refresh"), ("GET", "/coverage/history"), ("PUT", "/coverage/targets"),
        ("GET", "/coverage/status/task-1"), ("GET", "/unanswered"),
    ):  # fmt: skip
        body = {} if method in ("PATCH", "PUT") else None
        response = api.request(method, f"/agents/{missing}{rest}", body)
        assert response.status_code == 404, (method, rest)
        assert response.json["detail"] == f"Agent not found: {missing}"
        assert {"type", "title", "status", "detail", "instance", "code"} <= set(response.json)


def test_an_empty_patch_changes_nothing(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice)
    before = cast.api("alice").get(f"/agents/{agent.id}").json
    response = cast.api("alice").request("PATCH", f"/agents/{agent.id}", {})
    assert (response.status_code, response.json) == (200, before)


def test_a_stream_ends_after_five_minutes(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agent(alice, handle="helper", features_config={"stream_delay_ms": 20})
    for number in range(4):
        make_document(alice, content=f"Green tea {number} wants water of 80 degrees.")
    assert questions_api.MAX_STREAM_SECONDS == 300
    monkeypatch.setattr(questions_api, "MAX_STREAM_SECONDS", 0.05)
    response = cast.api("bob").post("/agents/helper/query/stream", {"query": "tea"})
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line[:5] == "data:"]
    assert [event.get("index") for event in events[1:-1]] == [0, 1, 2]
    assert events[-1]["error"] == "Timeout"
