"""An import goes on where its last commit left it, whatever is killed on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cast import Cast
from tests.server import ROOT, Installation, eventually
from webapp.core.actor import Actor
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.tasks import changes, services
from webapp.tasks.models import Status

NDJSON = "application/x-ndjson"


def lines(prefix: str, count: int) -> bytes:
    text = "Some words about number {} that a search can find again. " * 12
    documents = (
        {
            "title": f"{prefix} {n}",
            "content": text.format(*[n] * 12),
            "external_id": f"{prefix}-{n}",
        }
        for n in range(count)
    )
    return "\n".join(json.dumps(document) for document in documents).encode()


def start(installation: Installation, content: bytes) -> str:
    task = installation.request("POST", "/documents/import", content, NDJSON)
    return str(task["task_id"])


def finished(installation: Installation, task_id: str) -> Any:
    def ended() -> Any:
        task = installation.request("GET", f"/tasks/{task_id}")
        return task if task["status"] in ("completed", "failed", "cancelled") else None

    return eventually(ended, seconds=180)


def test_good_lines_are_kept_and_bad_ones_are_named(installation: Installation) -> None:
    content = b'{"content": "fine"}\n{"content": 7}\nnonsense\n\n{"content": "NaN"}\n[]'
    task = finished(installation, start(installation, content))
    assert task["status"] == "completed"
    assert task["result"]["created"] == 2
    assert task["result"]["failed"] == 3
    assert [error["line"] for error in task["result"]["errors"]] == [2, 3, 6]
    nothing = finished(installation, start(installation, b"nonsense"))
    assert nothing["status"] == "failed"
    assert nothing["error"].startswith("No document could be read.")


def test_a_line_that_is_no_text_is_one_line_that_fails(installation: Installation) -> None:
    content = b'{"content": "fine"}\n{"content": "caf\xe9"}\n{"content": "a\\u0000b"}\n' + (
        b'{"content": "and this", "confidence": false}\n{"content": "caf\xc3\xa9"}'
    )
    task = finished(installation, start(installation, content))
    assert task["status"] == "completed"
    assert task["result"]["created"] == 2
    assert task["result"]["errors"] == [
        {"line": 2, "detail": "It is not UTF-8 text."},
        {"line": 3, "detail": "content holds characters that are not text."},
        {"line": 4, "detail": "confidence: Input should be a valid number."},
    ]


@pytest.mark.parametrize("part", ["worker", "gunicorn"])
def test_a_kill_in_the_middle_indexes_every_document_exactly_once(
    installation: Installation, part: str
) -> None:
    count = 600
    task_id = start(installation, lines(part, count))

    def is_under_way() -> bool:
        task = installation.request("GET", f"/tasks/{task_id}")
        return 5 < task["progress_percent"] < 90

    eventually(is_under_way)
    installation.part(part).kill()

    def answers(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except OSError:
            return None

    eventually(lambda: answers(partial(installation.request, "GET", f"/tasks/{task_id}")))
    task = finished(installation, task_id)
    assert task["status"] == "completed"
    assert task["result"] == {"created": count, "replaced": 0, "failed": 0, "errors": []}
    body = {"query": f"{part} 599 number", "top_k": 50, "strategy": "keyword"}
    # A process that has just begun may need more than the 3 s of a search.
    search = partial(installation.request, "POST", "/knowledge/search", body)
    results = eventually(lambda: answers(search))["results"]
    names = [result["metadata"]["external_id"] for result in results]
    assert names.count(f"{part}-599") == 1
    again = finished(installation, start(installation, lines(part, count)))
    assert again["result"]["replaced"] == count


def test_two_workers_import_at_once_and_one_is_killed(
    installation: Installation, tmp_path: Path
) -> None:
    log = tmp_path / "second.log"
    with log.open("wb") as output:
        second = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "worker"],
            cwd=ROOT, env=installation.environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        eventually(lambda: "takes jobs" in log.read_text())
        # Whoever looks first takes an import, so they come one by one until both have some.
        holders: dict[str, int] = {}
        while len({pid == second.pid for pid in holders.values()}) < 2:
            assert len(holders) < 20, "One worker took all."
            task_id = start(installation, lines(f"import {len(holders)}", 1000))
            holders[task_id] = eventually(lambda: installation.holder(task_id))  # noqa: B023 - called at once
        doomed = [task_id for task_id, pid in holders.items() if pid == second.pid][-1]
        eventually(lambda: progress_of(installation, doomed) > 5)
        assert progress_of(installation, doomed) < 100, "It ended before the kill."
    finally:
        second.kill()
        second.wait()
    for task_id in holders:
        task = finished(installation, task_id)
        assert (task["status"], task["result"]["created"]) == ("completed", 1000)
    assert installation.holder(doomed) != second.pid
    check = installation.request("POST", "/knowledge/index/check")
    assert finished(installation, check["task_id"])["result"]["problem_count"] == 0


def progress_of(installation: Installation, task_id: str) -> float:
    return float(installation.request("GET", f"/tasks/{task_id}")["progress_percent"])


def test_cancelling_stops_after_the_batch_and_stays(installation: Installation) -> None:
    task_id = start(installation, lines("cancelled", 3000))
    eventually(lambda: installation.request("GET", f"/tasks/{task_id}")["status"] == "running")
    installation.request("DELETE", f"/tasks/{task_id}")
    task = finished(installation, task_id)
    assert task["status"] == "cancelled"
    assert task["progress_percent"] < 100
    retried = installation.request("POST", f"/tasks/{task_id}/retry")
    assert retried["retry_of"] == task_id
    installation.request("DELETE", f"/tasks/{retried['task_id']}")


def test_a_terminal_status_never_changes(cast: Cast, alice: Actor) -> None:
    task = changes.start_task("document_import", title="t", input={}, actor=alice)
    db.session.commit()
    services.cancel_task(task.id, actor=alice)
    assert task.status == Status.CANCELLED
    with pytest.raises(Conflict, match="already cancelled"):
        services.cancel_task(task.id, actor=alice)
    with pytest.raises(Conflict):
        task.end(Status.COMPLETED, task.created_at)
    assert cast.api("alice").delete(f"/tasks/{task.id}").status_code == 409
    assert cast.api("alice").get("/tasks/task-none").json["detail"] == "Task not found: task-none"
