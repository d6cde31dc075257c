"""Imports whose worker dies, that are cancelled, or that come twice at once."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from tests.browser import Browser
from tests.cast import Cast
from tests.documents.files import (
    make_pdf,
    make_zip,
)
from tests.documents.imports import count, find, only_document, read, send
from tests.server import eventually
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents import changes, indexing
from webapp.documents.models import Document, Upload
from webapp.documents.reading import parsing
from webapp.engine import control
from webapp.tasks import running
from webapp.tasks.models import Task


def test_an_import_goes_on_where_its_worker_died(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = cast.api("alice")
    files: dict[str, Any] = {
        f"{number:03}.md": f"# Note {number}\n\ngarnet" for number in range(120)
    }
    response = send(api, "all.zip", make_zip(files))
    task_id = response.json["task_id"]

    class Killed(BaseException):
        pass

    stored: list[int] = []
    store = changes.store_documents

    def dies_in_the_second_batch(*args: Any, **options: Any) -> Any:
        if stored:
            raise Killed
        stored.append(1)
        return store(*args, **options)

    monkeypatch.setattr(changes, "store_documents", dies_in_the_second_batch)
    with pytest.raises(Killed):
        running.run_task(task_id)
    db.session.rollback()
    monkeypatch.undo()
    assert count(Document) == 50
    running.run_task(task_id)
    task = db.session.get(Task, task_id, populate_existing=True)
    assert task is not None
    assert (task.status, task.result["created"], task.result["replaced"]) == ("completed", 120, 0)
    assert count(Document) == 120


def test_what_a_cancelled_import_has_stored_stays_and_the_rest_says_so(
    cast: Cast, alice: Actor, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One archive and one file: the first batch is in when somebody cancels."""
    texts = {f"{number:03}.md": f"# Note {number}\n\ngarnet {number}" for number in range(120)}
    files = [(io.BytesIO(make_zip(texts)), "all.zip"), (io.BytesIO(b"# Last\n\nbasalt"), "z.md")]
    browser.post("/documents/uploads", {"files": files, "about": ""})
    task = db.session.scalars(select(Task)).one()
    store = changes.store_documents

    def cancelled_meanwhile(*args: Any, **options: Any) -> Any:
        batch = store(*args, **options)
        db.session.get_one(Task, task.id).cancellation_requested = True
        return batch

    monkeypatch.setattr(changes, "store_documents", cancelled_meanwhile)
    running.run_task(task.id)
    monkeypatch.undo()
    db.session.expire_all()
    assert (task.status, task.result["created"]) == ("cancelled", 50)
    api = cast.api("alice")
    assert (
        len(api.post("/knowledge/search", {"query": "garnet", "top_k": 50}).json["results"]) == 50
    )
    check = indexing.start_check(actor=alice)
    running.run_task(check.id)
    db.session.refresh(check)
    assert check.result["problem_count"] == 0
    (unread,) = api.get("/documents?status=failed").json
    assert (unread["title"], "cancelled" in unread["error"]) == ("z.md", True)
    assert api.get("/documents?status=pending").json == []
    # It can be tried again by itself, or with all that is left.
    again = api.post(f"/documents/{unread['id']}/retry").json
    running.run_task(again["task_id"])
    assert find(api, "basalt")


def test_a_file_that_is_being_read_is_let_go_when_its_import_is_cancelled(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program that sleeps in the place of ours, until somebody cancels."""
    note, program = tmp_path / "note", tmp_path / "program.py"
    program.write_text(
        f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    monkeypatch.setattr(parsing, "PROGRAM", str(program))
    response = send(cast.api("alice"), "note.pdf", make_pdf("garnet"))
    token = control.Token(response.json["task_id"])

    def cancel_when_it_reads() -> None:
        eventually(lambda: note.exists() and note.read_text())
        token.cancel()

    canceller = threading.Thread(target=cancel_when_it_reads)
    canceller.start()
    with control.running(token):
        task = read(response)
    canceller.join()
    assert task.status == "cancelled"
    assert not psutil.pid_exists(int(note.read_text()))
    assert "cancelled" in (only_document().error or "")


def test_a_pending_import_that_is_cancelled_leaves_nothing_pending(cast: Cast) -> None:
    api = cast.api("alice")
    response = send(api, "note.md", b"# Note\n\ngarnet")
    assert api.get("/documents").json[0]["status"] == "pending"
    api.delete(f"/tasks/{response.json['task_id']}")
    assert api.get("/documents").json[0]["status"] == "failed"


def test_the_same_file_twice_at_once_is_one_document(cast: Cast) -> None:
    api = cast.api("alice")
    first = send(api, "note.md", b"# Note\n\ngarnet")
    second = send(api, "note.md", b"# Note\n\nbasalt")
    assert count(Document) == 1
    # The later one is read first.
    assert read(second).status == "completed"
    overtaken = read(first)
    assert (overtaken.status, overtaken.result["gone"]) == ("completed", 1)
    assert only_document().status == "ready"
    assert find(api, "basalt")
    assert not find(api, "garnet") or "basalt" in find(api, "garnet")[0]["content"]
    assert count(Upload) == 1


def test_a_file_that_is_deleted_before_it_is_read_is_counted_as_gone(cast: Cast) -> None:
    api = cast.api("alice")
    response = send(api, "a.md", b"# A\n\ngarnet")
    document = only_document()
    assert api.delete(f"/documents/{document.id}").status_code == 204
    task = read(response)
    assert (task.status, task.result["gone"]) == ("completed", 1)
    assert (count(Document), count(Upload)) == (0, 0)
