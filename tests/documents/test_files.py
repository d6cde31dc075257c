"""Files: sent, read, refused with their reasons, tried again."""

from __future__ import annotations

import io

import pytest
from docx import Document as Word
from sqlalchemy import select, update

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.documents.files import (
    make_docx,
    make_pdf,
    make_reviewed_docx,
    make_zip,
)
from tests.documents.imports import count, find, only_document, read, send
from webapp.core.extensions import db
from webapp.documents.models import Document, Upload, UploadPart
from webapp.documents.reading import parsing
from webapp.documents.reading.extract import Bounds
from webapp.documents.reading.parsing import DOCX, parse
from webapp.tasks import running
from webapp.tasks.models import Task


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


def test_a_word_file_under_review_is_read_as_if_all_changes_were_accepted() -> None:
    assert parse(make_reviewed_docx(), DOCX).text.split("\n\n") == [
        "Refunds take 14 days.",
        "Ada of Turin",
        "In a box",
        "Refunds take 14 days.",
        "Refunds take 14 days.",
        "See §4",
    ]


def test_merged_cells_of_a_word_table_say_their_text_once() -> None:
    word = Word()
    table = word.add_table(rows=3, cols=3)
    for row in range(3):
        for column in range(3):
            table.cell(row, column).text = f"{row}{column}"
    wide = table.cell(0, 0).merge(table.cell(0, 2))
    tall = table.cell(1, 0).merge(table.cell(2, 0))
    wide.text, tall.text = "Limits\nper region", "Basalt"
    out = io.BytesIO()
    word.save(out)
    assert parse(out.getvalue(), DOCX).text.splitlines() == [
        "Limits per region |  | ",
        "Basalt | 11 | 12",
        " | 21 | 22",
    ]


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
    assert "Show these documents" in page.text()


def test_what_is_read_line_by_line_is_told_by_line(cast: Cast, browser: Browser) -> None:
    content = b'{"content": "fine"}\n{"content": 7}'
    headers = {"Content-Type": "application/x-ndjson"}
    started = cast.api("alice").post("/documents/import", data=content, headers=headers)
    running.run_task(started.json["task_id"])
    page = browser.get(f"/tasks/{started.json['task_id']}")
    assert [cell.text(strip=True) for cell in page.css("th")] == ["Line", "What is wrong"]
    (cell,) = page.css("td[data-label]")
    assert (cell.attributes["data-label"], cell.text(strip=True)) == ("Line", "2")


def test_a_failed_file_that_was_kept_is_told_from_those_that_were_not_taken(
    cast: Cast, browser: Browser
) -> None:
    files = [
        (io.BytesIO(make_pdf("")), "scan.pdf"),
        (io.BytesIO(b""), "empty.pdf"),
        (io.BytesIO(b"# Tea\n\ngarnet"), "tea.md"),
    ]
    browser.post("/documents/uploads", {"files": files, "about": ""})
    task = db.session.scalars(select(Task)).one()
    running.run_task(task.id)
    api = cast.api("alice")
    result = api.get(f"/tasks/{task.id}").json["result"]
    assert (result["created"], result["failed"]) == (1, 2)
    errors = {error["name"]: error for error in result["errors"]}
    listed = {item["external_id"]: item for item in api.get("/documents").json}
    assert set(listed) == {"scan.pdf", "tea.md"}
    assert listed["scan.pdf"]["status"] == "failed"
    assert errors["scan.pdf"]["document_id"] == listed["scan.pdf"]["id"]
    assert "document_id" not in errors["empty.pdf"]
    page = browser.get(f"/tasks/{task.id}")
    (link,) = page.css("td[data-label] a")
    assert link.text(strip=True) == "scan.pdf"
    assert link.attributes["href"] == f"/documents/{listed['scan.pdf']['id']}"
    assert "Of the others nothing was kept." in words_of(page.css_first("main"))


def test_what_is_wrong_with_a_line_is_said_in_words(cast: Cast) -> None:
    lines = [b'{"title": "Tea"}', b'{"content": "x", "colour": "red"}', b'{"content": 7}',
             b'{"content": "fine"}']  # fmt: skip
    headers = {"Content-Type": "application/x-ndjson"}
    api = cast.api("alice")
    started = api.post("/documents/import", data=b"\n".join(lines), headers=headers).json
    running.run_task(started["task_id"])
    result = api.get(f"/tasks/{started['task_id']}").json["result"]
    assert (result["created"], result["failed"]) == (1, 3)
    assert result["errors"] == [
        {"line": 1, "detail": "The field content is missing."},
        {"line": 2, "detail": "A document has no field colour."},
        {"line": 3, "detail": "content: Input should be a valid string."},
    ]


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


def test_only_what_failed_is_tried_again(cast: Cast) -> None:
    api = cast.api("alice")
    ready = api.post("/documents", {"content": "garnet"}).json["id"]
    assert api.post(f"/documents/{ready}/retry").status_code == 409
    db.session.execute(update(Document).values(status="failed"))
    db.session.commit()
    assert api.post(f"/documents/{ready}/retry").status_code == 409
    assert cast.api("bob").post(f"/documents/{ready}/retry").status_code == 403


def test_a_bad_line_has_one_number_and_its_reason_has_none(browser: Browser) -> None:
    lines = [b'{"content": "fine"}'] * 7 + [b'{"content": "half}']
    files = [(io.BytesIO(b"\n".join(lines)), "lines.ndjson")]
    browser.post("/documents/uploads", {"files": files, "about": ""})
    task = db.session.scalars(select(Task)).one()
    running.run_task(task.id)
    (row,) = browser.get(f"/tasks/{task.id}").css("tbody tr")
    assert [cell.text(strip=True) for cell in row.css("td")] == ["8", "The line is not JSON."]


def test_who_sends_no_file_is_asked_for_one(cast: Cast) -> None:
    page = cast.browser("alice").post("/documents/uploads", {}, status=422)
    assert page.css_first("#files-error").text() == "Choose a file first."
