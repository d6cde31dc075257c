"""Archives and folders: many documents from one upload."""

from __future__ import annotations

import io
import zipfile

import pytest
from sqlalchemy import select

from tests.browser import Browser
from tests.cast import Cast
from tests.documents.files import (
    make_pdf,
    make_zip,
)
from tests.documents.imports import count, only_document, read, send
from webapp.core.extensions import db
from webapp.documents.models import Document, Upload
from webapp.documents.uploads import archives
from webapp.tasks import running
from webapp.tasks.models import Task


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


def test_an_archive_of_too_many_files_is_not_read(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    api = cast.api("alice")
    files = {"a.md": "# A\n\ngarnet", "b.md": "# B\n\nbasalt", ".DS_Store": b"junk"}
    assert read(send(api, "two.zip", make_zip(files))).result["created"] == 2
    task = read(send(api, "three.zip", make_zip(files | {"c.md": "# C\n\njade"})))
    assert task.status == "failed"
    assert "The zip archive has more than 2 files." in (task.error or "")
    assert count(Document) == 2


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
