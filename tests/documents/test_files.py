"""Files of every kind become documents, or say why they cannot; nothing they hold does harm."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
import pytest
from sqlalchemy import delete, func, select, update
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.cast import Api, Cast
from tests.documents.files import (
    make_docx,
    make_pdf,
    make_zip,
)
from tests.server import eventually
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents import changes, indexing
from webapp.documents.models import Document, Upload, UploadPart
from webapp.documents.reading import parsing
from webapp.documents.reading.extract import Bounds
from webapp.documents.reading.parsing import DOCX, parse
from webapp.documents.uploads import archives
from webapp.engine import control
from webapp.tasks import running
from webapp.tasks.models import Task
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest


def send(api: Api, name: str, content: bytes, **fields: str) -> TestResponse:
    data = {"file": (io.BytesIO(content), name), **fields}
    return api.post("/documents", data=data, content_type="multipart/form-data")


def read(response: TestResponse) -> Task:
    """The task of an accepted upload, after a worker has run it."""
    assert response.status_code == 202, response.text
    running.run_task(response.json["task_id"])
    task = db.session.get(Task, response.json["task_id"], populate_existing=True)
    assert task is not None
    return task


def only_document() -> Document:
    return db.session.scalars(select(Document).execution_options(populate_existing=True)).one()


def find(api: Api, query: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = api.post("/knowledge/search", {"query": query}).json["results"]
    return results


def count(model: type[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize(
    ("name", "content", "title", "words"),
    [
        (
            "guide.pdf",
            make_pdf("The garnet key", "The basalt lock", title="Keys"),
            "Keys",
            "garnet",
        ),
        ("plain.pdf", make_pdf("The garnet key"), "plain", "garnet"),
        ("sealed.pdf", make_pdf("The garnet key", owner="pw"), "sealed", "garnet"),
        ("guide.docx", make_docx(title="Handbook"), "Handbook", "basalt"),
        ("plain.docx", make_docx(), "Rotating keys", "garnet"),
        ("notes.md", b"# Notes\n\nThe garnet key.", "Notes", "garnet"),
        (
            "page.html",
            b"<title>Page</title><p>The garnet key<script>steal()</script>",
            "Page",
            "key",
        ),
        ("text.txt", b"The garnet key.", "The garnet key.", "garnet"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[-5:] else "",
)
def test_a_file_is_pending_then_ready_and_can_be_had_back(
    cast: Cast, name: str, content: bytes, title: str, words: str
) -> None:
    api = cast.api("alice")
    response = send(api, name, content)
    assert [item["status"] for item in api.get("/documents").json] == ["pending"]
    task = read(response)
    assert (task.status, task.result["created"], task.result["failed"]) == ("completed", 1, 0)
    answer = api.get(f"/documents/{task.result['document_id']}").json
    assert (answer["status"], answer["title"], answer["error"]) == ("ready", title, None)
    assert (answer["file_size"], answer["external_id"]) == (len(content), name)
    (result, *_) = find(api, words)
    assert result["doc_id"] == answer["id"]
    assert "steal" not in result["content"]
    original = cast.api("vera").get(f"/documents/{answer['id']}/original")
    assert original.data == content
    assert name in original.headers["Content-Disposition"]
    assert original.headers["Content-Disposition"].startswith("attachment")
    assert cast.api("charlie").get(f"/documents/{answer['id']}/original").status_code == 404


def test_a_word_file_keeps_its_structure() -> None:
    text = parse(make_docx(), DOCX).text
    assert text.splitlines()[0] == "# Rotating keys"
    assert "## Steps" in text
    assert "- Make a new one" in text
    assert "Region | Basalt" in text


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("secret.pdf", make_pdf("x", password="pw"), "encrypted"),
        ("cut.pdf", make_pdf("The garnet key")[:180], "damaged"),
        ("long.pdf", make_pdf(*"abcde"), "5 pages; at most 4"),
        ("scan.pdf", make_pdf("", ""), "no text"),
        ("torn.docx", make_docx()[:2_000], "damaged"),
        ("sheet.docx", make_zip({"xl/workbook.xml": "<x/>"}), "not a Word file"),
        ("large.docx", make_docx(), "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_says_why_and_can_be_tried_again(
    cast: Cast, name: str, content: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "BOUNDS", Bounds(pages=4, inflated=10_000))
    api = cast.api("alice")
    task = read(send(api, name, content))
    assert task.status == "failed"
    document = only_document()
    assert document.status == "failed"
    assert reason in (document.error or "")
    assert reason in (task.error or "")
    assert document.chunk_count == 0
    assert api.get(f"/documents/{document.id}/original").data == content
    again = api.post(f"/documents/{document.id}/retry")
    assert read(again).status == "failed"
    assert count(Document) == 1
    page = cast.browser("alice").get(f"/documents/{document.id}")
    assert reason in page.text()


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("a.pdf", b"no pdf at all", 422, "wrong_kind"),
        ("a.docx", b"no zip at all", 422, "wrong_kind"),
        ("a.zip", b"no zip at all", 422, "wrong_kind"),
        ("a.txt", make_pdf("x"), 422, "wrong_kind"),
        ("a.md", make_docx(), 422, "wrong_kind"),
        ("a.txt", b"\xff\xfe\x00a", 422, "not_utf8"),
        ("a.md", b"a\x00b", 422, "not_text"),
        ("a.txt", b"", 422, "empty_file"),
        ("a.exe", b"MZ", 415, "unsupported_media_type"),
    ],
)
def test_a_file_that_is_not_what_it_says_changes_nothing(
    cast: Cast, name: str, content: bytes, status: int, code: str
) -> None:
    response = send(cast.api("alice"), name, content)
    assert (response.status_code, response.json["code"]) == (status, code)
    assert (count(Document), count(Upload), count(UploadPart), count(Task)) == (0, 0, 0, 0)


def test_two_files_where_one_is_read_are_refused_and_none_is_kept(cast: Cast) -> None:
    for path in ("/documents", "/documents/upload"):
        sent = {"file": [(io.BytesIO(b"garnet"), "a.md"), (io.BytesIO(b"jade"), "b.md")]}
        response = cast.api("alice").post(path, data=sent, content_type="multipart/form-data")
        assert (response.status_code, response.json["code"]) == (422, "too_many_files")
        assert "2 files; this address reads one" in response.json["detail"]
    assert (count(Document), count(Upload), count(Task)) == (0, 0, 0)


def test_good_files_are_read_and_bad_ones_are_listed_with_their_reasons(
    cast: Cast, browser: Browser
) -> None:
    files = [
        (io.BytesIO(b"# Tea\n\ngarnet"), "tea.md"),
        (io.BytesIO(b""), "empty.md"),
        (io.BytesIO(b"no pdf at all"), "a.pdf"),
        (io.BytesIO(b"MZ"), "a.exe"),
        (io.BytesIO(b"# Coffee\n\nbasalt"), "coffee.md"),
    ]
    browser.post("/documents/uploads", {"files": files, "about": ""})
    task = db.session.scalars(select(Task)).one()
    assert count(Upload) == 2
    assert task.title == "Import 5 files"
    running.run_task(task.id)
    db.session.refresh(task)
    assert (task.status, task.result["created"], task.result["failed"]) == ("completed", 2, 3)
    reasons = {error["name"]: error["detail"] for error in task.result["errors"]}
    assert set(reasons) == {"empty.md", "a.pdf", "a.exe"}
    assert "empty" in reasons["empty.md"]
    assert "not what its name says" in reasons["a.pdf"]
    assert "kind that is not read" in reasons["a.exe"]
    page = browser.get(f"/tasks/{task.id}")
    assert all(name in page.text() for name in reasons)
    assert [cell.text(strip=True) for cell in page.css("th")] == ["File", "What is wrong"]
    assert {cell.attributes["data-label"] for cell in page.css("td[data-label]")} == {"File"}


def test_a_line_of_one_of_several_files_is_told_by_both(browser: Browser) -> None:
    files = [
        (io.BytesIO(b'{"content": "fine"}\nwater'), "lines.ndjson"),
        (io.BytesIO(b"# Tea\n\ngarnet"), "tea.md"),
    ]
    browser.post("/documents/uploads", {"files": files, "about": ""})
    task = db.session.scalars(select(Task)).one()
    running.run_task(task.id)
    page = browser.get(f"/tasks/{task.id}")
    assert [cell.text(strip=True) for cell in page.css("td")] == [
        "lines.ndjson, line 2",
        "The line is not JSON.",
    ]
    # Two documents have come of it.
    assert "See the documents" in page.text()


def test_a_line_about_no_topic_says_which_and_what_to_do(cast: Cast, browser: Browser) -> None:
    missing = [str(uuid4()) for _ in range(5)]
    lines = [{"content": "fine"}, {"content": "astray", "nodes": missing, "version": "1.0.0"}]
    content = "\n".join(map(json.dumps, lines)).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    started = cast.api("alice").post("/documents/import", data=content, headers=headers)
    running.run_task(started.json["task_id"])
    page = browser.get(f"/tasks/{started.json['task_id']}")
    assert [cell.text(strip=True) for cell in page.css("td")] == [
        "2",
        f"There is no such topic in taxonomy 1.0.0: {', '.join(missing[:3])} and 2 more. "
        "Name topics that are in taxonomy 1.0.0, by id or by path.",
    ]


def test_what_is_read_line_by_line_is_told_by_line(cast: Cast, browser: Browser) -> None:
    content = b'{"content": "fine"}\n{"content": 7}'
    headers = {"Content-Type": "application/x-ndjson"}
    started = cast.api("alice").post("/documents/import", data=content, headers=headers)
    running.run_task(started.json["task_id"])
    page = browser.get(f"/tasks/{started.json['task_id']}")
    assert [cell.text(strip=True) for cell in page.css("th")] == ["Line", "What is wrong"]
    (cell,) = page.css("td[data-label]")
    assert (cell.attributes["data-label"], cell.text(strip=True)) == ("Line", "2")


def test_where_no_file_is_good_all_reasons_are_named(cast: Cast, browser: Browser) -> None:
    files = [(io.BytesIO(b""), "empty.md"), (io.BytesIO(b"no pdf at all"), "a.pdf")]
    page = browser.post("/documents/uploads", {"files": files, "about": ""}, status=422)
    assert "empty.md is empty." in page.text()
    assert "a.pdf is not what its name says." in page.text()
    assert (count(Upload), count(UploadPart), count(Task)) == (0, 0, 0)


def test_a_newer_file_that_fails_leaves_the_older_text(cast: Cast) -> None:
    api = cast.api("alice")
    read(send(api, "guide.pdf", make_pdf("The garnet key")))
    task = read(send(api, "guide.pdf", make_pdf("x", password="pw")))
    assert task.status == "failed"
    document = only_document()
    assert document.status == "ready"
    assert "newer file" in (document.error or "")
    assert len(find(api, "garnet")) == 1
    read(send(api, "guide.pdf", make_pdf("The basalt lock")))
    assert only_document().error is None
    assert "basalt" in find(api, "basalt lock")[0]["content"]


# Archives and folders


def test_an_archive_becomes_documents_each_with_its_own_file(cast: Cast) -> None:
    api = cast.api("alice")
    files = {
        "handbook/keys.pdf": make_pdf("The garnet key"),
        "handbook/locks.md": "# Locks\n\nThe basalt lock.",
        "handbook/broken.pdf": make_pdf("x", password="pw"),
        "handbook/lies.txt": make_pdf("x"),
        "handbook/photo.png": b"\x89PNG",
        "__MACOSX/handbook/._keys.pdf": b"junk",
        ".DS_Store": b"junk",
        "../../etc/climbs.md": "# Climbs\n\nA path that climbs.",
    }
    task = read(send(api, "all.zip", make_zip(files)))
    assert task.status == "completed"
    assert (task.result["created"], task.result["failed"]) == (3, 3)
    assert {error["name"] for error in task.result["errors"]} == {
        "handbook/broken.pdf", "handbook/lies.txt", "handbook/photo.png",
    }  # fmt: skip
    listed = {item["external_id"]: item for item in api.get("/documents").json}
    assert set(listed) == {
        "handbook/keys.pdf", "handbook/locks.md", "handbook/broken.pdf", "handbook/lies.txt",
        "etc/climbs.md",
    }  # fmt: skip
    assert listed["handbook/broken.pdf"]["status"] == "failed"
    keys = listed["handbook/keys.pdf"]
    assert api.get(f"/documents/{keys['id']}/original").data == files["handbook/keys.pdf"]
    # The archive itself is no longer needed.
    assert count(Upload) == 5


def test_of_two_entries_with_one_name_the_later_stays(cast: Cast) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.md", "# First\n\ngarnet")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.md", "# Second\n\nbasalt")
    read(send(cast.api("alice"), "twice.zip", out.getvalue()))
    document = only_document()
    assert document.title == "Second"
    assert count(Upload) == 1


def test_an_archive_is_read_up_to_its_limits(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRY_BYTES", 1_000)
    monkeypatch.setattr(archives, "MAX_INFLATED", 2_500)
    files = {"large.md": "garnet " * 150} | {f"{n}.md": f"basalt {n} " * 100 for n in range(9)}
    task = read(send(cast.api("alice"), "large.zip", make_zip(files)))
    assert task.status == "completed"
    details = [error["detail"] for error in task.result["errors"]]
    assert any("too large when it is unpacked" in detail for detail in details)
    assert any("more than 1,000 bytes" in detail for detail in details)
    assert task.result["created"] <= 3


@pytest.mark.parametrize("cut", [30, 60])
def test_a_broken_archive_fails_with_its_reason(cast: Cast, cut: int) -> None:
    task = read(send(cast.api("alice"), "a.zip", make_zip({"a.md": "# A\n\ntext"})[:cut]))
    assert task.status == "failed"
    assert "damaged" in (task.error or "")
    assert count(Document) == 0


def test_a_folder_is_one_task_and_passes_over_what_is_not_read(browser: Browser) -> None:
    names = ["site/index.html", "site/sub/page.md", "site/logo.png"]
    contents = [b"<h1>Index</h1><p>garnet", b"# Page\n\nbasalt", b"\x89PNG"]
    files = [(io.BytesIO(body), name) for name, body in zip(names, contents, strict=True)]
    browser.post("/documents/uploads", {"folder": files, "about": ""})
    task = db.session.scalars(select(Task)).one()
    running.run_task(task.id)
    db.session.refresh(task)
    assert task.result["created"] == 2
    assert task.result["passed_over"] == ["site/logo.png"]
    found = {document.external_id for document in db.session.scalars(select(Document))}
    assert found == {"site/index.html", "site/sub/page.md"}


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


# Topics


@pytest.fixture
def topics(alice: Actor) -> dict[str, UUID]:
    paths = [["Security", "Key rotation"], ["Kitchen", "Green tea"], ["Kitchen", "Bread baking"]]
    body = TaxonomyRequest(version="1.0.0", nodes=[{"path": path} for path in paths])
    grown = taxonomies.extend_taxonomy(body, actor=alice)
    return {node.label: node.node_id for node in grown.nodes}


def test_a_file_is_about_what_the_form_says(cast: Cast, topics: dict[str, UUID]) -> None:
    api = cast.api("alice")
    fields = {
        "nodes": json.dumps([["Security", "Key rotation"], str(topics["Kitchen"])]),
        "confidence": "0.8", "metadata": '{"language": "en"}', "title": "Given",
    }  # fmt: skip
    task = read(send(api, "guide.pdf", make_pdf("The garnet key"), **fields))
    answer = api.get(f"/documents/{task.result['document_id']}").json
    assert answer["title"] == "Given"
    assert answer["metadata"] == {"language": "en"}
    assert {(tuple(node["path"]), node["confidence"]) for node in answer["nodes"]} == {
        (("Security", "Key rotation"), 0.8),
        (("Kitchen",), 0.8),
    }
    for wrong, status in (('[["Nowhere"]]', 400), ("[", 422), ('{"a": 1}', 422)):
        assert send(api, "a.md", b"# A", nodes=wrong).status_code == status
    assert send(api, "a.md", b"# A", confidence="2").status_code == 422
    assert count(Document) == 1


@pytest.mark.parametrize("kind", ["a file", "a file of an archive"])
def test_who_tries_again_need_not_say_again_what_a_file_is_about(
    cast: Cast, alice: Actor, topics: dict[str, UUID], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = cast.api("alice")
    path = ["Kitchen", "Green tea"]
    fields = {
        "nodes": json.dumps([path]), "confidence": "0.8", "metadata": '{"language": "en"}',
        "title": "My title", "source_url": "https://example.com/wings",
    }  # fmt: skip
    wings = make_pdf("The garnet wing", title="Hello wings")
    if kind == "a file":
        task_id = send(api, "wings.pdf", wings, external_id="wings", **fields).json["task_id"]
        assert api.delete(f"/tasks/{task_id}").status_code == 204
        external_id = "wings"
    else:
        archive = make_zip({"wings.pdf": wings})
        with monkeypatch.context() as patched:
            patched.setattr(parsing, "BOUNDS", Bounds(pages=0, inflated=10_000))
            read(send(api, "all.zip", archive, external_id="all", **fields))
        external_id = "wings.pdf"
    db.session.execute(delete(Task))
    db.session.commit()
    taxonomies.extend_taxonomy(
        TaxonomyRequest(version="2.0.0", nodes=[{"path": path}]), actor=alice
    )
    document = only_document()
    assert document.status == "failed"
    assert read(api.post(f"/documents/{document.id}/retry")).status == "completed"
    answer = api.get(f"/documents/{document.id}").json
    shown = [answer[name] for name in ("title", "external_id", "source_url", "metadata")]
    assert shown == ["My title", external_id, "https://example.com/wings", {"language": "en"}]
    assert [(node["node_id"], node["version"], node["confidence"]) for node in answer["nodes"]] == [
        (str(topics["Green tea"]), "1.0.0", 0.8)
    ]


def test_topics_are_proposed_and_count_only_when_confirmed(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    from webapp.documents.topics import proposals

    api = cast.api("alice")
    tea = {"title": "Brewing green tea", "content": "Green tea wants water of 80 degrees."}
    keys = {"title": "Rotation", "content": "How to rotate a security key, step by step."}
    ids = [api.post("/documents", body).json["id"] for body in (tea, keys)]
    proposals.propose("job", organization_id=str(alice.organization_id))
    found = [api.get(f"/documents/{key}").json["nodes"] for key in ids]
    assert [nodes[0]["path"][-1] for nodes in found] == ["Green tea", "Key rotation"]
    assert all(node["is_proposed"] for nodes in found for node in nodes)
    scope = {"taxonomy_node_ids": [str(topics["Kitchen"]), str(topics["Security"])]}
    assert api.post("/knowledge/scope", scope).json["document_count"] == 0
    listed = api.get("/documents?proposed=true").json
    assert {item["id"] for item in listed} == set(ids)

    page = cast.browser("alice").get("/documents?proposed=true")
    assert "Confirm these 2" in page.text()
    review = lambda key, action: api.post("/documents/proposals", {"ids": [key], "action": action})  # noqa: E731
    assert review(ids[0], "confirm").status_code == 200
    assert review(ids[1], "reject").json[0]["nodes"] == []
    assert api.post("/knowledge/scope", scope).json["document_count"] == 1
    # What was rejected is not proposed again by itself.
    proposals.propose("job", organization_id=str(alice.organization_id))
    assert api.get(f"/documents/{ids[1]}").json["nodes"] == []


def test_metadata_filters_and_topics_narrow_a_search(cast: Cast, topics: dict[str, UUID]) -> None:
    api = cast.api("alice")
    for number, metadata in enumerate([{"lang": "en", "n": 1}, {"lang": "de", "ok": True}, {}]):
        api.post("/documents", {"content": f"garnet {number}", "metadata": metadata,
                                "nodes": [["Kitchen", "Green tea"]] if number else []})  # fmt: skip

    def names(**body: Any) -> list[str]:
        answer = api.post("/knowledge/search", {"query": "garnet", **body})
        assert answer.status_code == 200, answer.text
        return sorted(result["content"] for result in answer.json["results"])

    assert names(filters={"metadata": {"lang": "en"}}) == ["garnet 0"]
    assert names(filters={"metadata": {"lang": "de", "ok": True}}) == ["garnet 1"]
    assert names(filters={"metadata": {"n": 1}}) == ["garnet 0"]
    assert names(filters={"metadata": {"ok": 1}}) == []
    assert names(filters={"metadata": {'a"b': "x"}}) == []
    assert names(nodes=[["Kitchen"]]) == ["garnet 1", "garnet 2"]
    assert names(nodes=[["Kitchen"]], filters={"metadata": {"lang": "de"}}) == ["garnet 1"]
    for wrong, status in (
        ({"filters": {"metadata": {"a": [1]}}}, 422), ({"nodes": [["Nowhere"]]}, 400),
        ({"filters": {"nonsense": 1}}, 422), ({"version": "7.0.0", "nodes": [["Kitchen"]]}, 400),
    ):  # fmt: skip
        assert api.post("/knowledge/search", {"query": "x", **wrong}).status_code == status


def test_a_document_can_be_changed(cast: Cast, topics: dict[str, UUID]) -> None:
    api = cast.api("alice")
    key = api.post("/documents", {"title": "Old", "content": "garnet"}).json["id"]
    path = f"/documents/{key}"
    changed = api.request("PATCH", path, {"title": "New", "nodes": [str(topics["Green tea"])]})
    assert (changed.status_code, changed.json["title"]) == (200, "New")
    assert changed.json["nodes"][0]["version"] == "1.0.0"
    assert find(api, "garnet")[0]["metadata"]["title"] == "New"
    for metadata in ({"n": True}, {"n": 1}):
        api.request("PATCH", path, {"metadata": metadata})
        assert json.dumps(api.get(path).json["metadata"]) == json.dumps(metadata)
    api.request("PATCH", path, {"content": "basalt"})
    assert find(api, "basalt")[0]["content"] == "basalt"
    assert api.request("PATCH", path, {"nodes": []}).json["nodes"] == []
    for wrong, status in (
        ({"nodes": [["Nowhere"]]}, 400), ({"content": ""}, 422), ({"status": "ready"}, 422),
        ({"confidence": 1.5}, 422), ({"source_url": "javascript:x"}, 422),
    ):  # fmt: skip
        assert api.request("PATCH", path, wrong).status_code == status
    assert find(api, "basalt")[0]["content"] == "basalt"


def test_a_file_that_is_deleted_before_it_is_read_is_counted_as_gone(cast: Cast) -> None:
    api = cast.api("alice")
    response = send(api, "a.md", b"# A\n\ngarnet")
    document = only_document()
    assert api.delete(f"/documents/{document.id}").status_code == 204
    task = read(response)
    assert (task.status, task.result["gone"]) == ("completed", 1)
    assert (count(Document), count(Upload)) == (0, 0)


def test_only_what_failed_is_tried_again(cast: Cast) -> None:
    api = cast.api("alice")
    ready = api.post("/documents", {"content": "garnet"}).json["id"]
    assert api.post(f"/documents/{ready}/retry").status_code == 409
    db.session.execute(update(Document).values(status="failed"))
    db.session.commit()
    assert api.post(f"/documents/{ready}/retry").status_code == 409
    assert cast.api("bob").post(f"/documents/{ready}/retry").status_code == 403


def test_an_import_means_the_topics_of_the_moment_it_was_accepted(
    cast: Cast, topics: dict[str, UUID], alice: Actor
) -> None:
    """A newer version made before the worker comes does not move the import into it."""
    api = cast.api("alice")
    path = ["Kitchen", "Green tea"]
    line = json.dumps({"content": "garnet", "nodes": [path]}).encode()
    accepted = [
        send(api, "lines.ndjson", line),
        send(api, "file.md", b"basalt", nodes=json.dumps([path])),
    ]
    newer = TaxonomyRequest(version="2.0.0", nodes=[{"path": path}])
    taxonomies.extend_taxonomy(newer, actor=alice)
    for response in accepted:
        assert read(response).result["created"] == 1
    found = {
        node["node_id"]
        for document in api.get("/documents").json
        for node in api.get(f"/documents/{document['id']}").json["nodes"]
    }
    assert found == {str(topics["Green tea"])}
