"""Following an execution: over HTTP, over a socket, from any event on; and waiting for its end."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from simple_websocket import ConnectionClosed

from tests.cast import Cast
from tests.executions.conftest import accept_script, run_again
from tests.factories import make_agent
from tests.server import KEY, Installation
from webapp.core.actor import Actor
from webapp.core.errors import NotFound
from webapp.core.extensions import db
from webapp.executions import live, services
from webapp.executions.changes import announce, log
from webapp.executions.models import Level
from webapp.executions.recording import add_chunk


def parse(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    """The events of a stream: id, name, data."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "data" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_a_stream_tells_all_in_order_and_ends(run: Any, cast: Cast) -> None:
    execution = run(("log", "One"), ("output", "Do"), ("log", "Two"), ("output", "ne"), ("result",))
    response = cast.api("vera").get(f"/executions/{execution.id}/stream")
    assert response.mimetype == "text/event-stream"
    events = parse(response.text)
    ids = [number for number, _, _ in events]
    assert ids == sorted(set(ids))
    assert (events[0][1], events[0][2]["status"]) == ("status", "completed")
    logs = [data["message"] for _, name, data in events if name == "log"]
    assert ("One" in logs, "Two" in logs, logs[-1].startswith("Completed")) == (True, True, True)
    assert "".join(data["text"] for _, name, data in events if name == "output") == "Done"
    assert events[-1][1] == "done"
    assert events[-1][2]["output"] == {"text": "Done", "citations": []}


def test_it_goes_on_behind_the_last_event_and_misses_nothing(run: Any, cast: Cast) -> None:
    execution = run(("log", "One"), ("output", "Do"), ("log", "Two"), ("output", "ne"), ("result",))
    api, path = cast.api("vera"), f"/executions/{execution.id}/stream"
    whole = parse(api.get(path).text)
    for number, _, _ in whole[:-1]:
        rest = parse(api.get(path, headers={"Last-Event-ID": str(number)}).text)
        assert rest[0][:2] == (number, "status")
        assert rest[1:] == [event for event in whole[1:] if event[0] > number]
        assert parse(api.get(f"{path}?after={number}").text) == rest
    seen = api.get(path, headers={"Last-Event-ID": str(whole[-1][0])})
    assert (seen.status_code, seen.text) == (204, "")
    assert api.get(path, headers={"Last-Event-ID": str(2**63 - 1)}).status_code == 204
    for given in ("x", str(2**63), "0" * 20 + "9" * 30, "7" * 5000):
        refused = api.get(path, headers={"Last-Event-ID": given})
        assert (refused.status_code, refused.json["code"]) == (422, "invalid"), given


def test_a_stream_tells_of_every_change_of_the_status(alice: Actor, scripted: None) -> None:
    execution = accept_script(alice, ("log", "Hello"), ("result",))
    _, groups = live.follow_execution(execution.id, 0, actor=alice)
    first = next(groups)
    assert [(event.name, event.data["status"]) for event in first] == [("status", "pending")]
    run_again(execution)
    events = [event for group in groups for event in group]
    told = [event.data["status"] for event in events if event.name == "status"]
    assert told == ["completed"]
    ids = [event.id for event in events]
    assert ids == sorted(set(ids))


def test_a_long_log_comes_in_parts_and_whole(
    alice: Actor, scripted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "AT_ONCE", 7)
    execution = accept_script(alice, ("result",))
    row = services.get_execution(execution.id, actor=alice, lock=True)
    for number in range(30):
        log(row, Level.INFO, f"line {number}")
        if number % 3 == 0:
            add_chunk(row, f"{number} ")
    announce(row)
    db.session.commit()
    run_again(execution)
    _, groups = live.follow_execution(execution.id, 0, actor=alice)
    events = [event for group in groups for event in group]
    lines = [event.data["message"] for event in events if event.name == "log"]
    assert [line for line in lines if line.startswith("line")] == [f"line {n}" for n in range(30)]
    text = "".join(event.data["text"] for event in events if event.name == "output")
    assert text == "".join(f"{number} " for number in range(0, 30, 3))
    ids = [event.id for event in events]
    assert ids == sorted(set(ids))


def test_nobody_follows_what_is_not_theirs(alice: Actor, charlie: Actor) -> None:
    make_agent(alice, handle="helper")
    execution = accept_script(alice, ("result",), agent="helper")
    with pytest.raises(NotFound):
        live.follow_execution(execution.id, 0, actor=charlie)


# What follows goes over real connections.


def accepted(installation: Installation, **body: Any) -> Any:
    name = f"agent {UUID(int=0).hex}{threading.get_ident()}"
    agent = installation.request("POST", "/agents", {"name": name, "instructions": "Help."})
    body = {"agent_id": agent["id"], "input": "What is tea?", **body}
    return agent, installation.request("POST", "/executions", body)


def test_an_answer_that_waits_comes_with_the_end(installation: Installation) -> None:
    agent, execution = accepted(installation, wait=60)
    assert execution["status"] == "completed"
    assert execution["agent_id"] == agent["id"]
    request = Request(
        f"{installation.url}/api/v1/agents/{agent['id']}/execute",
        json.dumps({"input": "x", "wait": 60}).encode(),
        {"X-API-Key": KEY, "Content-Type": "application/json", "X-Request-ID": "mine-7"},
    )
    with urlopen(request, timeout=90) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["X-Request-ID"] == "mine-7"
        assert response.headers["Cache-Control"] == "no-store"
        assert json.load(response)["status"] == "completed"


def test_many_wait_at_once_and_no_thread_does(installation: Installation) -> None:
    """More than a web process has threads."""
    agent = installation.request(
        "POST", "/agents", {"name": "Sleeper", "instructions": "x", "activate": False}
    )
    path, answers = f"/agents/{agent['id']}/execute", []

    def ask() -> None:
        answers.append(installation.request("POST", path, {"input": "x", "wait": 8}))

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    assert installation.request("GET", f"/executions?agent={agent['id']}&limit=1")
    installation.request("PATCH", f"/agents/{agent['id']}", {"paused": False})
    for thread in threads:
        thread.join(120)
    assert len(answers) == 40
    assert {answer["status"] for answer in answers} <= {"completed", "pending", "running"}


def test_a_stream_over_http_follows_to_the_end(installation: Installation) -> None:
    agent = installation.request(
        "POST", "/agents", {"name": "Paused", "instructions": "x", "activate": False}
    )
    body = {"agent_id": agent["id"], "input": "What is tea?"}
    execution = installation.request("POST", "/executions", body)
    url = f"{installation.url}/api/v1/executions/{execution['id']}/stream"
    with urlopen(Request(url, headers={"X-API-Key": KEY}), timeout=90) as response:
        begun = response.readline() + response.readline() + response.readline()
        assert b'"waiting_for": "agent_paused"' in begun
        installation.request("PATCH", f"/agents/{agent['id']}", {"paused": False})
        events = parse((begun + response.read()).decode())
    statuses = [data["status"] for _, name, data in events if name == "status"]
    assert (statuses[0], statuses[-1]) == ("pending", "completed")
    assert events[-1][1] == "done"
    ids = [number for number, _, _ in events]
    assert ids == sorted(set(ids))
    # The same from its middle on, as an EventSource asks that was cut off.
    headers = {"X-API-Key": KEY, "Last-Event-ID": str(ids[2])}
    with urlopen(Request(url, headers=headers), timeout=90) as response:
        assert parse(response.read().decode())[-1] == events[-1]


def test_a_socket_follows_to_the_end(installation: Installation) -> None:
    agent = installation.request(
        "POST", "/agents", {"name": "Paused", "instructions": "x", "activate": False}
    )
    body = {"agent_id": agent["id"], "input": "What is tea?"}
    execution = installation.request("POST", "/executions", body)
    socket = installation.socket(f"/ws/executions/{execution['id']}")
    frames = [json.loads(socket.receive(timeout=60))]
    assert frames[0]["data"]["waiting_for"] == "agent_paused"
    installation.request("PATCH", f"/agents/{agent['id']}", {"paused": False})
    while frames[-1]["event"] != "done":
        text = socket.receive(timeout=60)
        assert text is not None
        frames.append(json.loads(text))
    with pytest.raises(ConnectionClosed):
        socket.receive(timeout=60)
    assert frames[-1]["event"] == "done"
    assert frames[-1]["data"]["status"] == "completed"
    ids = [frame["id"] for frame in frames]
    assert ids == sorted(set(ids))
    again = installation.socket(f"/ws/executions/{execution['id']}?after={ids[-2]}")
    assert json.loads(again.receive(timeout=60))["event"] == "status"
    assert json.loads(again.receive(timeout=60)) == frames[-1]
