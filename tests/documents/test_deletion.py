"""Deleted documents: restored with passages and topics, one or many, until their time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.browser import words_of
from tests.cast import Cast
from tests.documents.imports import read, send
from tests.factories import make_document
from webapp.audit.models import AuditEntry
from webapp.core import clock, retention
from webapp.core.actor import Actor
from webapp.core.errors import Conflict, Forbidden, NotFound
from webapp.core.extensions import db
from webapp.documents.deletion import services as deletion
from webapp.documents.models import Chunk, DeletedDocument, Document, Upload, UploadPart
from webapp.tasks import running
from webapp.tasks.models import Task
from webapp.taxonomies import editing
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import NodeStat
from webapp.taxonomies.schemas import TaxonomyRequest


@pytest.fixture
def topics(alice: Actor) -> dict[str, UUID]:
    nodes = [{"path": [label]} for label in ("Tea", "Bread")]
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": nodes})
    return {n.label: n.node_id for n in taxonomies.extend_taxonomy(body, actor=alice).nodes}


def count(model: type[Any]) -> int:
    db.session.expire_all()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def found(query: str, cast: Cast) -> list[str]:
    body = {"query": query, "strategy": "keyword"}
    answer = cast.api("alice").post("/knowledge/search", body)
    return [result["doc_id"] for result in answer.json["results"]]


def counted_documents() -> int:
    return db.session.scalar(select(func.sum(NodeStat.document_count))) or 0


def test_a_restored_document_is_what_it_was(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    text = "# Oolong\n\nFirst.\n\n## Water\n\nOf 90 degrees."
    document = make_document(
        alice, title="Oolong", content=text, external_id="o-1", nodes=[topics["Tea"]],
        confidence=0.8, metadata={"from": "China"}, source_url="https://example.com/o",
    )  # fmt: skip
    api, path = cast.api("alice"), f"/documents/{document.id}"
    before = api.get(path).json
    passages = [(c.position, c.heading_path, c.text) for c in db.session.scalars(select(Chunk))]
    assert before["chunk_count"] == len(passages) > 1
    assert api.delete(path).status_code == 204
    assert (count(Document), count(Chunk), counted_documents()) == (0, 0, 0)
    assert found("oolong", cast) == []
    restored = api.post(f"{path}/restore")
    assert (restored.status_code, restored.json) == (200, before)
    assert api.get(path).json == before
    assert [
        (c.position, c.heading_path, c.text) for c in db.session.scalars(select(Chunk))
    ] == passages
    assert set(found("oolong", cast)) == {str(document.id)}
    assert (counted_documents(), count(DeletedDocument)) == (1, 0)
    entries = select(AuditEntry.action).where(AuditEntry.subject_type == "document")
    actions = list(db.session.scalars(entries.order_by(AuditEntry.id)))
    assert actions == ["create", "delete", "restore"]


def test_topics_that_are_deleted_meanwhile_stay_away(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    document = make_document(alice, nodes=list(topics.values()))
    deletion.delete_document(document.id, actor=alice)
    editing.delete_node("1.0.0", topics["Bread"], actor=alice)
    deletion.restore_document(document.id, actor=alice)
    nodes = cast.api("alice").get(f"/documents/{document.id}").json["nodes"]
    assert [node["path"] for node in nodes] == [["Tea"]]


def test_what_is_not_deleted_or_whose_name_is_taken_is_refused(cast: Cast, alice: Actor) -> None:
    document = make_document(alice, external_id="one")
    path = f"/documents/{document.id}/restore"
    api = cast.api("alice")
    refused = api.post(path)
    assert (refused.status_code, refused.json["code"]) == (409, "not_deleted")
    deletion.delete_document(document.id, actor=alice)
    other = make_document(alice, external_id="one", title="Newer")
    refused = api.post(path)
    assert (refused.status_code, refused.json["code"]) == (409, "external_id_taken")
    assert "Another document is called one now." in refused.json["detail"]
    deletion.delete_document(other.id, actor=alice)
    assert api.post(path).status_code == 200


def test_the_api_says_how_a_deleted_document_comes_back(cast: Cast, alice: Actor) -> None:
    document = make_document(alice, title="Tea")
    deletion.delete_document(document.id, actor=alice)
    path = f"/documents/{document.id}"
    for method in ("get", "delete"):
        answer = getattr(cast.api("alice"), method)(path)
        assert answer.status_code == 404
        assert answer.json["suggestions"] == [
            "Tea was deleted by alice@example.com, now.",
            f"POST /api/v1{path}/restore brings it back.",
        ]
    assert cast.api("charlie").get(path).json.get("suggestions") in (None, [])
    listed = cast.api("alice").get("/documents/deleted?limit=1")
    assert [(item["id"], item["title"]) for item in listed.json] == [(str(document.id), "Tea")]
    assert listed.headers["X-Total-Count"] == "1"
    assert cast.api("charlie").get("/documents/deleted").json == []
    assert cast.api("vera").get("/documents/deleted").status_code == 403


def test_only_who_may_delete_may_restore(alice: Actor, cast: Cast, charlie: Actor) -> None:
    document = make_document(alice)
    deletion.delete_document(document.id, actor=alice)
    for act in (deletion.restore_document, deletion.remove_document):
        with pytest.raises(Forbidden):
            act(document.id, actor=cast.actor("vera"))
        with pytest.raises(NotFound):
            act(document.id, actor=charlie)


def test_for_good_is_for_good(cast: Cast, alice: Actor) -> None:
    api = cast.api("alice")
    read(send(api, "a.md", b"garnet"))
    first = db.session.scalars(select(Document.id)).one()
    second = make_document(alice).id
    api.delete(f"/documents/{first}")
    assert count(Upload) == 1
    assert api.delete(f"/documents/{first}?permanent=true").status_code == 204
    assert api.delete(f"/documents/{second}?permanent=true").status_code == 204
    for model in (Document, DeletedDocument, Upload, UploadPart):
        assert count(model) == 0
    assert api.post(f"/documents/{second}/restore").status_code == 404


def test_the_file_comes_back_with_its_document_until_its_time_is_over(
    cast: Cast, alice: Actor
) -> None:
    api = cast.api("alice")
    read(send(api, "a.md", b"garnet"))
    document = db.session.scalars(select(Document)).one()
    path = f"/documents/{document.id}"
    api.delete(path)
    retention.sweep()
    assert api.post(f"{path}/restore").status_code == 200
    assert api.get(f"{path}/original").data == b"garnet"
    api.delete(path)
    kept = db.session.scalars(select(DeletedDocument)).one()
    kept.deleted_at = clock.now() - timedelta(days=30, seconds=1)
    db.session.commit()
    retention.sweep()
    assert (count(DeletedDocument), count(Upload)) == (0, 0)
    told = api.get(path).json["suggestions"]
    assert told == ["garnet was deleted for good by alice's key (alice@example.com), now."]


def test_of_a_file_that_has_not_been_read_nothing_is_kept(cast: Cast) -> None:
    api, browser = cast.api("alice"), cast.browser("alice")
    send(api, "a.md", b"garnet")
    document = db.session.scalars(select(Document)).one()
    page = browser.get(f"/documents/{document.id}")
    (form,) = page.css('form[action$="/deletion"]')
    assert "this cannot be undone" in (form.attributes["data-confirm-sentence"] or "")
    page = browser.post(f"/documents/{document.id}/deletion")
    assert not page.css(".toast.undo")
    assert (count(DeletedDocument), count(Upload)) == (0, 0)


def test_a_deletion_is_undone_from_its_toast_from_its_old_page_and_from_the_list(
    cast: Cast, alice: Actor
) -> None:
    browser = cast.browser("alice")
    document = make_document(alice, title="Tea")
    page = browser.get(f"/documents/{document.id}")
    (form,) = page.css('form[action$="/deletion"]')
    assert "It can be restored for 30 days." in (form.attributes["data-confirm-sentence"] or "")

    page = browser.post(f"/documents/{document.id}/deletion")
    toast = page.css_first(".toast.undo")
    assert "“Tea” is deleted." in words_of(toast)
    page = browser.post(toast.css_first("form").attributes["action"] or "")
    assert words_of(page.css_first("h1")) == "Tea"

    browser.post(f"/documents/{document.id}/deletion")
    page = browser.get(f"/documents/{document.id}", status=404)
    assert "Tea was deleted by alice@example.com" in words_of(page.css_first("main"))
    form = page.css_first('main form[action$="/restoration"]')
    browser.post(form.attributes["action"] or "")
    assert count(Document) == 1

    browser.post(f"/documents/{document.id}/deletion")
    assert browser.get("/documents").css_first('a[href="/documents/deleted"]')
    (row,) = browser.get("/documents/deleted").css("#deleted-documents tbody tr")
    assert "Tea" in words_of(row) and "in 30 days" in words_of(row)
    form = row.css_first('form[action$="/restoration"]')
    sent = browser.client.post(
        form.attributes["action"] or "",
        data={field.attributes["name"]: field.attributes["value"] for field in form.css("input")},
        headers={"Referer": "http://localhost/documents/deleted"},
    )
    assert (sent.status_code, sent.location) == (303, "/documents/deleted")  # the next one waits
    assert count(Document) == 1

    viewer = cast.browser("vera")
    assert not viewer.get("/documents").css('a[href="/documents/deleted"]')
    deletion.delete_document(document.id, actor=alice)
    page = viewer.get(f"/documents/{document.id}", status=404)
    assert not page.css('form[action$="/restoration"]')
    assert "An admin can restore it." in words_of(page.css_first("main"))
    page = browser.post(f"/documents/{document.id}/removal")
    assert "“Tea” is gone for good." in words_of(page.css_first(".toasts"))
    assert "Nothing to restore" in words_of(page.css_first("#deleted-documents"))


def test_those_that_a_task_has_deleted_come_back_together(
    cast: Cast, alice: Actor, topics: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "BATCH_DOCUMENTS", 2)
    ids = [
        make_document(alice, title=f"Note {n}", external_id=f"n-{n}", nodes=[topics["Tea"]]).id
        for n in range(5)
    ]
    deletion.delete_document(make_document(alice, title="Alone").id, actor=alice)
    browser = cast.browser("alice")
    body = {"action": "delete", "filter": {"q": "Note"}}
    deleted = cast.api("alice").post("/documents/bulk", body).json["task_id"]
    running.run_task(deleted)
    assert count(Document) == 0
    deletion.restore_document(ids[0], actor=alice)
    make_document(alice, title="Another", external_id="n-1")
    form = browser.get(f"/tasks/{deleted}").css_first('form[action$="/restorations"]')
    page = browser.post("/documents/deleted/restorations", {"task": deleted})
    assert form is not None and "Restore 4 documents" in words_of(page.css_first("h1"))
    task_id = db.session.scalars(select(Task.id).where(Task.task_type == deletion.TASK_TYPE)).one()
    running.run_task(task_id)
    task = db.session.get_one(Task, task_id, populate_existing=True)
    assert (task.status, task.result) == ("completed", {"documents": 3, "left": 1})
    titles = set(db.session.scalars(select(Document.title)))
    assert titles == {"Another", "Note 0", "Note 2", "Note 3", "Note 4"}
    assert set(db.session.scalars(select(DeletedDocument.title))) == {"Alone", "Note 1"}
    assert counted_documents() == 4
    assert "1: restored meanwhile" in words_of(browser.get(f"/tasks/{task_id}").css_first("main"))


def test_a_task_that_has_deleted_nothing_restores_nothing(cast: Cast, charlie: Actor) -> None:
    with pytest.raises(Conflict, match="None of these documents is left"):
        deletion.start_restoration("task-none", actor=charlie)
