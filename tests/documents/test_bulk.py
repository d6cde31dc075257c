"""Many documents at once: deleted, or about other topics."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from tests.browser import words_of
from tests.cast import Cast
from tests.factories import make_document
from webapp.core.actor import Actor
from webapp.core.errors import DomainError
from webapp.core.extensions import db
from webapp.documents import changes, indexing
from webapp.documents.bulk import services as bulk
from webapp.documents.models import Chunk, DeletedDocument, Document, DocumentNode, Upload
from webapp.tasks import running
from webapp.tasks.models import Task
from webapp.taxonomies import editing
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import NodeStat
from webapp.taxonomies.schemas import TaxonomyRequest

BULK = "/documents/bulk"


@pytest.fixture
def topics(alice: Actor) -> dict[str, UUID]:
    nodes = [{"path": [label]} for label in ("Tea", "Bread", "Soup")]
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": nodes})
    return {n.label: n.node_id for n in taxonomies.extend_taxonomy(body, actor=alice).nodes}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH_DOCUMENTS", 2)


def make_documents(alice: Actor, count: int, title: str, *node_ids: UUID) -> list[str]:
    about = {"nodes": list(node_ids)}
    made = [
        make_document(alice, title=f"{title} {n}", content=f"Green tea {n} of {title}.", **about)
        for n in range(count)
    ]
    return [str(document.id) for document in made]


def run(task_id: str) -> Task:
    running.run_task(task_id)
    return db.session.get_one(Task, task_id, populate_existing=True)


def count(model: type[Any], *conditions: Any) -> int:
    db.session.expire_all()
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0


def counts(topics: dict[str, UUID]) -> dict[str, int]:
    db.session.expire_all()
    rows = db.session.scalars(select(NodeStat).where(NodeStat.public_id.in_(topics.values())))
    found = {row.public_id: row.document_count for row in rows}
    return {label: found[key] for label, key in topics.items()}


def assert_consistent(alice: Actor) -> None:
    assert run(indexing.start_check(actor=alice).id).result["problem_count"] == 0


def test_all_that_match_are_deleted_and_nothing_else(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    api = cast.api("alice")
    make_documents(alice, 5, "Doomed", topics["Tea"])
    kept = make_documents(alice, 3, "Kept", topics["Tea"])
    theirs = make_document(cast.actor("charlie"), title="Doomed, but of others")
    body = {"action": "delete", "filter": {"q": "doomed"}}
    assert api.post(f"{BULK}/preview", body).json == {
        "document_count": 5, "titles": [f"Doomed {n}" for n in (4, 3, 2, 1, 0)],
    }  # fmt: skip
    assert count(Document) == 9
    answer = api.post(BULK, body)
    assert answer.status_code == 202
    later = make_document(alice, title="Doomed, but later")
    task = run(answer.json["task_id"])
    assert (task.status, task.title) == ("completed", "Delete 5 documents")
    assert (task.result, task.progress_percent) == ({"documents": 5}, 100)
    left = {str(key) for key in db.session.scalars(select(Document.id))}
    assert left == {*kept, str(theirs.id), str(later.id)}
    assert count(Chunk) == 5
    assert counts(topics) == {"Tea": 3, "Bread": 0, "Soup": 0}
    found = api.post("/knowledge/search", {"query": "green tea", "top_k": 50}).json["results"]
    assert {result["doc_id"] for result in found} == {*kept, str(later.id)}
    assert_consistent(alice)


def test_what_a_kill_leaves_is_done_by_the_next_worker(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make_documents(alice, 6, "Doomed")
    answer = cast.api("alice").post(BULK, {"action": "delete", "ids": ids})
    advance = running.Run.advance

    def dies_after_a_commit(*args: Any) -> None:
        advance(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running.Run, "advance", dies_after_a_commit)
        with pytest.raises(KeyboardInterrupt):
            running.run_task(answer.json["task_id"])
    assert count(Document) == 4
    task = run(answer.json["task_id"])
    assert (task.result, count(Document)) == ({"documents": 6}, 0)
    assert_consistent(alice)


def test_topics_are_added_or_set(cast: Cast, alice: Actor, topics: dict[str, UUID]) -> None:
    api = cast.api("alice")
    ids = make_documents(alice, 3, "Note", topics["Tea"])
    body = {"action": "add_topics", "ids": ids, "nodes": [["Bread"], ["Tea"]], "confidence": 0.9}
    run(api.post(BULK, body).json["task_id"])
    assert counts(topics) == {"Tea": 3, "Bread": 3, "Soup": 0}
    body = {"action": "set_topics", "filter": {"node": str(topics["Tea"])}, "nodes": [["Soup"]]}
    task = run(api.post(BULK, body).json["task_id"])
    assert task.title == "Set the topics of 3 documents"
    assert counts(topics) == {"Tea": 0, "Bread": 0, "Soup": 3}
    assert api.get(f"/documents/{ids[0]}").json["nodes"][0]["path"] == ["Soup"]
    run(api.post(BULK, {"action": "set_topics", "ids": ids}).json["task_id"])
    assert count(DocumentNode) == 0
    assert_consistent(alice)


def test_a_topic_that_is_deleted_meanwhile_fails_the_task(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    ids = make_documents(alice, 1, "Note")
    body = {"action": "add_topics", "ids": ids, "nodes": [["Tea"]]}
    answer = cast.api("alice").post(BULK, body)
    editing.delete_node("1.0.0", topics["Tea"], actor=alice)
    task = run(answer.json["task_id"])
    assert (task.status, task.error) == (
        "failed", "A topic has been deleted meanwhile. Choose the topics again.",
    )  # fmt: skip


def test_a_document_that_is_deleted_meanwhile_is_left_out(
    cast: Cast, alice: Actor, topics: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sorted(make_documents(alice, 3, "Note"))
    body = {"action": "add_topics", "ids": ids, "nodes": [["Tea"]]}
    task_id = cast.api("alice").post(BULK, body).json["task_id"]
    read_batch = bulk._next

    def then_delete(*chosen: Any) -> Any:
        """The batch, of which somebody deletes one before it is changed."""
        batch = read_batch(*chosen)
        if UUID(ids[1]) in batch:
            changes.remove_documents(alice.organization_id, [UUID(ids[1])])
            db.session.commit()
        return batch

    monkeypatch.setattr(bulk, "_next", then_delete)
    task = run(task_id)
    assert (task.status, task.result) == ("completed", {"documents": 2, "gone": 1})
    assert counts(topics)["Tea"] == 2
    assert "1, deleted meanwhile" in cast.browser("alice").get(f"/tasks/{task_id}").text()
    assert_consistent(alice)


@pytest.mark.parametrize(("body", "status", "word"), [
    ({"action": "delete"}, 422, "either ids or filter"),
    ({"action": "delete", "ids": [], "filter": None}, 422, "at least 1 item"),
    ({"action": "delete", "filter": {}, "ids": [str(uuid4())]}, 422, "either ids or filter"),
    ({"action": "delete", "filter": {"titel": "x"}}, 422, "filter.titel"),
    ({"action": "delete", "filter": {}, "nodes": [["Tea"]]}, 422, "a deletion has none"),
    ({"action": "burn", "filter": {}}, 422, "action"),
    ({"action": "add_topics", "filter": {}}, 422, "which topics to add"),
    ({"action": "add_topics", "filter": {}, "nodes": [["Nowhere"]]}, 400, "Nowhere"),
    ({"action": "delete", "ids": [str(uuid4())]}, 400, "There are no documents"),
    ({"action": "delete", "filter": {"q": "no such title"}}, 422, "No document matches"),
])  # fmt: skip
def test_a_bad_request_changes_nothing(
    cast: Cast, alice: Actor, topics: dict[str, UUID], body: dict[str, Any], status: int, word: str
) -> None:
    make_documents(alice, 1, "Note")
    answer = cast.api("alice").post(BULK, body)
    assert answer.status_code == status, answer.text
    assert word in answer.text
    assert (count(Document), count(Task)) == (1, 0)


def test_the_documents_of_others_are_not_there(cast: Cast, alice: Actor) -> None:
    theirs = make_document(cast.actor("charlie"))
    answer = cast.api("alice").post(BULK, {"action": "delete", "ids": [str(theirs.id)]})
    assert (answer.status_code, answer.json["code"]) == (400, "unknown_documents")


# The pages


def test_select_look_and_delete(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    ids = make_documents(alice, 3, "Note")
    page = browser.get("/documents")
    assert len(page.css("#documents tbody input[name=id][form=bulk]")) == 3
    page = browser.get(f"{BULK}?action=delete&id={ids[0]}&id={ids[1]}")
    text = page.css_first("form.card").text(separator=" ")
    assert "2 documents" in text
    assert "They can be restored for 30 days" in text
    hidden = [
        (f.attributes["name"], f.attributes["value"]) for f in page.css("form.card [name=id]")
    ]
    assert hidden == [("id", ids[0]), ("id", ids[1])]
    page = browser.post(BULK, {"action": "delete", "id": ids[:2]})
    assert page.css_first("h1").text() == "Delete 2 documents"
    run(db.session.scalars(select(Task.id)).one())
    assert [str(key) for key in db.session.scalars(select(Document.id))] == ids[2:]
    assert "2 of 2" in browser.get(f"/tasks/{db.session.scalars(select(Task.id)).one()}").text()


def test_topics_for_all_that_match(cast: Cast, alice: Actor, topics: dict[str, UUID]) -> None:
    browser = cast.browser("alice")
    make_documents(alice, 3, "Note")
    make_documents(alice, 1, "Other")
    chosen = {"action": "add_topics", "all": "true", "q": "note"}
    page = browser.get(f"{BULK}?action=add_topics&all=true&q=note")
    assert "3 documents" in page.css_first("form.card").text()
    page = browser.post(BULK, {**chosen, "topics": "Nowhere"}, status=422)
    assert "Nowhere" in page.css_first(".error").text()
    assert "which topics" in browser.post(BULK, chosen, status=422).css_first(".error").text()
    browser.post(BULK, {**chosen, "topics": "Tea; Soup"})
    run(db.session.scalars(select(Task.id)).one())
    assert counts(topics) == {"Tea": 3, "Bread": 0, "Soup": 3}


@pytest.mark.parametrize(
    "query", ["", "action=delete", "action=burn&all=true", "action=delete&id=x"]
)
def test_a_page_without_a_choice_is_refused(cast: Cast, query: str) -> None:
    cast.browser("alice").get(f"{BULK}?{query}", status=422)


def test_nothing_matches_any_more(cast: Cast) -> None:
    page = cast.browser("alice").get(f"{BULK}?action=delete&all=true&q=nothing")
    assert "No document matches any more" in page.text()
    with pytest.raises(DomainError, match="No document matches"):
        bulk.start_bulk(
            bulk.BulkRequest.model_validate({"action": "delete", "filter": {}}),
            actor=cast.actor("alice"),
        )


def test_original_files_go_with_documents_that_cannot_be_restored(cast: Cast, alice: Actor) -> None:
    from tests.documents.imports import read, send

    api = cast.api("alice")
    read(send(api, "a.md", b"garnet"))
    read(send(api, "b.md", b"basalt"))
    body = {"action": "delete", "filter": {"q": "a.md"}}
    run(api.post(BULK, body).json["task_id"])
    assert (count(Document), count(Upload)) == (1, 2)
    changes.forget_deleted(list(db.session.scalars(select(DeletedDocument.id))))
    assert (count(Document), count(Upload)) == (1, 1)


def test_who_changes_their_mind_comes_back_to_the_list_as_it_was_filtered(
    cast: Cast, alice: Actor
) -> None:
    browser = cast.browser("alice")
    chosen = make_documents(alice, 3, "Note")
    for what in (f"id={chosen[0]}&id={chosen[1]}", "all=true"):
        page = browser.get(f"{BULK}?action=delete&{what}&q=note&status=ready")
        links = {words_of(link): link.attributes["href"] for link in page.css("main a")}
        assert links["Cancel"] == links["Documents"] == "/documents?q=note&status=ready"
    # What is chosen stays what is meant, whatever else the filters would find.
    page = browser.get(f"{BULK}?action=delete&id={chosen[0]}&q=note")
    fields = {
        str(field.attributes["name"]): str(field.attributes["value"])
        for field in page.css("form.card [type=hidden]")
        if field.attributes["name"] != "csrf_token"
    }
    browser.post(BULK, fields, status=303)
    assert db.session.scalars(select(Task)).one().input["count"] == 1


def test_the_task_leads_to_the_documents_that_it_changed(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    ids, browser = make_documents(alice, 2, "Changed"), cast.browser("alice")
    make_documents(alice, 1, "Other")
    for nodes, end in (
        (["Tea"], "this topic"), ([str(topics["Bread"]), ["Tea"]], "the first of these topics"),
    ):  # fmt: skip
        body = {"action": "set_topics", "ids": ids, "nodes": [nodes[0], *nodes[1:]]}
        task = run(cast.api("alice").post(BULK, body).json["task_id"])
        link = browser.get(f"/tasks/{task.id}").css_first("main .actions a")
        assert words_of(link) == f"See the documents about {end}"
        found = browser.get(str(link.attributes["href"])).css("#documents .row-title")
        assert sorted(map(words_of, found)) == ["Changed 0", "Changed 1"]
    task = run(cast.api("alice").post(BULK, {"action": "set_topics", "ids": ids}).json["task_id"])
    assert "See all documents" in words_of(browser.get(f"/tasks/{task.id}").css_first("main"))
