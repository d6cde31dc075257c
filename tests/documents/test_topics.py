"""What files are about: said, proposed, and searched by."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.documents.files import (
    make_pdf,
    make_zip,
)
from tests.documents.imports import count, find, only_document, read, send
from tests.factories import make_document
from webapp import index
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents.models import Document, DocumentNode
from webapp.documents.reading import parsing
from webapp.documents.reading.extract import Bounds
from webapp.documents.topics import proposals
from webapp.documents.topics.changes import add_topics
from webapp.tasks import running
from webapp.tasks.models import Task
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import TaxonomyNode
from webapp.taxonomies.schemas import TaxonomyRequest


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
    assert "Confirm all shown (2)" in page.text()
    assert page.css_first('form[data-confirm="Confirm the topics of 2 documents?"]') is not None
    # The document's own page has no buttons for all of one.
    page_of_one = cast.browser("alice").get(f"/documents/{ids[0]}")
    assert len(page_of_one.css("#document-topics .proposal")) == 1
    assert "hidden" in page_of_one.css_first("#review").attributes
    headings = page_of_one.css("#document-topics :is(h2, label)")
    assert [words_of(heading) for heading in headings] == ["Topics", "Choose topics"]
    tick = page.css_first(f"button[name=confirm][value^='{ids[0]}']")
    assert "Kitchen › Green tea for Brewing green tea" in (tick.attributes["aria-label"] or "")
    review = lambda key, action: api.post("/documents/proposals", {"ids": [key], "action": action})
    assert review(ids[0], "confirm").status_code == 200
    assert review(ids[1], "reject").json[0]["nodes"] == []
    assert api.post("/knowledge/scope", scope).json["document_count"] == 1
    # What was rejected is not proposed again by itself.
    proposals.propose("job", organization_id=str(alice.organization_id))
    assert api.get(f"/documents/{ids[1]}").json["nodes"] == []


def test_nothing_is_proposed_for_what_no_topic_is_about(cast: Cast, alice: Actor) -> None:
    paths = [["Thema 17", f"Thema 17-{i}", f"Thema 17-{i}-{k}"] for i in range(3) for k in range(9)]
    paths += [["Straßenbau", "Asphalt", "Einbau"], ["Straßenbau", "Bitumen"], ["Personal"]]
    api = cast.api("alice")
    api.post("/taxonomies", {"version": "1.0.0", "nodes": [{"path": path} for path in paths]})
    texts = {
        "Text eins": "Das ist der erste Text zum Thema. Er hat 17 Wörter und noch 0 bis 6 mehr.",
        "Bindemittel": "Das Bindemittel für Straßen ist Bitumen. Penetration 50/70 ist die Härte.",
        "Walzen": "Der Einbau von Asphalt braucht 150 °C. Die Walze folgt dem Fertiger.",
        "Personal": "Wer frei nehmen will, sagt es drei Wochen vorher.",
    }
    ids = [
        api.post("/documents", {"title": title, "content": text}).json["id"]
        for title, text in texts.items()
    ]
    proposals.propose("job", organization_id=str(alice.organization_id))
    found = [
        [node["path"][-1] for node in api.get(f"/documents/{key}").json["nodes"]] for key in ids
    ]
    assert found == [[], ["Bitumen"], ["Einbau", "Asphalt"], ["Personal"]]
    page = cast.browser("alice").get(f"/documents/{ids[0]}")
    assert "none to propose that its text names" in words_of(page.css_first("#document-topics"))


def test_topics_left_empty_are_proposed_and_the_page_says_so(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    tea = make_document(alice, title="Tea", content="Green tea wants water of 80 degrees.")
    proposals.propose("job", organization_id=str(alice.organization_id))
    api, browser, path = cast.api("alice"), cast.browser("alice"), f"/documents/{tea.id}"
    api.post("/documents/proposals", {"ids": [str(tea.id)], "action": "reject"})
    page = browser.post(f"{path}/topics", {"topics": ""})
    told = page.css_first("#toasts").text()
    assert "No topics are set. Looking for some to propose." in told
    assert "The topics are set" not in told
    proposals.propose("job", organization_id=str(alice.organization_id))
    assert [node["path"][-1] for node in api.get(path).json["nodes"]] == ["Green tea"]
    page = browser.post(f"{path}/topics", {"topics": str(topics["Key rotation"])})
    assert "The topics are set." in page.css_first("#toasts").text()


def test_topics_are_proposed_anew_and_a_record_says_who_asked(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    tea, browser = make_document(alice, title="Tea"), cast.browser("alice")
    node_id = db.session.scalar(
        select(TaxonomyNode.id).where(TaxonomyNode.public_id == topics["Green tea"])
    )
    add_topics([(tea.id, node_id, 0.61)], is_proposed=True)
    db.session.commit()
    before = index.read_revision(alice.organization_id)
    # The tests' client fails on a change that is not recorded, or not announced.
    page = browser.post("/documents/proposals/again")
    assert "Topics are being proposed." in page.css_first("#toasts").text()
    assert db.session.scalars(select(DocumentNode)).all() == []
    assert index.read_revision(alice.organization_id) != before, "open lists are fetched again"
    page = browser.get("/documents?proposed=true")
    assert words_of(page.css_first("#documents h2")) == "Still proposing"
    link = page.css_first("#documents .empty a").attributes["href"]
    assert words_of(browser.get("/documents/index").css_first(f"a[href='{link}']"))
    activity = words_of(browser.get("/").css_first("#activity"))
    assert "had topics proposed anew in organization Acme" in activity
    add_topics([(tea.id, node_id, 0.61)], is_proposed=True)
    db.session.commit()
    page = browser.post("/documents/proposals/again")
    assert "Topics are being proposed already." in page.css_first("#toasts").text()
    assert len(db.session.scalars(select(DocumentNode)).all()) == 1
    assert len(db.session.scalars(select(Task)).all()) == 1


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["Brew green tea.", "Green tea leaves."], "See the topics to confirm"),
        (
            ["zzzz qqqq xxxx"],
            "No topic of 1.0.0, the highest version, is near enough to these documents",
        ),
        ([], "Nothing to propose: every document has a topic."),
    ],
)
def test_the_task_that_proposes_anew_says_what_came_of_it(
    cast: Cast, alice: Actor, topics: dict[str, UUID], texts: list[str], said: str
) -> None:
    for at, text in enumerate(texts):
        make_document(alice, title=f"{at}", content=text)
    task, browser = proposals.propose_again(actor=alice), cast.browser("alice")
    before = index.read_revision(alice.organization_id)
    running.run_task(task.id)
    assert (task.status, task.progress_percent) == ("completed", 100)
    assert index.read_revision(alice.organization_id) != before, "open lists are fetched again"
    found = len(texts) if said.startswith("See") else 0
    assert task.result == {"documents": len(texts), "proposed": found, "version": "1.0.0"}
    assert said in words_of(browser.get(f"/tasks/{task.id}").css_first("main"))
    listed = words_of(browser.get("/documents?proposed=true").css_first("#documents"))
    assert ("Nothing to confirm" in listed) == (not found)
    assert "Still proposing" not in listed


def test_the_task_tells_of_what_was_proposed_beside_it(
    alice: Actor, browser: Browser, topics: dict[str, UUID]
) -> None:
    make_document(alice, title="Tea", content="Brew green tea.")
    task = proposals.propose_again(actor=alice)
    proposals.propose("job", organization_id=str(alice.organization_id))
    running.run_task(task.id)
    said = words_of(browser.get(f"/tasks/{task.id}").css_first("main"))
    assert "every document has a topic" not in said
    assert "Their topics were proposed with those of documents that were added." in said
    assert "See the topics to confirm" in said


def test_a_cancelled_task_says_nothing_of_what_it_has_not_looked_at(
    alice: Actor, browser: Browser, topics: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "BATCH_DOCUMENTS", 1)
    for text in ("zzzz qqqq", "zzzz xxxx"):
        make_document(alice, title=text, content=text)
    task, write = proposals.propose_again(actor=alice), proposals._write

    def write_and_cancel(*args: Any) -> int:
        task.cancellation_requested = True
        return write(*args)

    monkeypatch.setattr(proposals, "_write", write_and_cancel)
    running.run_task(task.id)
    assert (task.status, task.result["documents"]) == ("cancelled", 1)
    said = words_of(browser.get(f"/tasks/{task.id}").css_first("main"))
    assert "near enough" not in said


def test_without_a_taxonomy_there_is_nothing_to_propose(alice: Actor, browser: Browser) -> None:
    make_document(alice, title="Tea")
    task = proposals.propose_again(actor=alice)
    running.run_task(task.id)
    said = words_of(browser.get(f"/tasks/{task.id}").css_first("main"))
    assert "There is no taxonomy to choose topics from." in said


def test_open_lists_are_told_of_what_is_proposed_by_itself(
    alice: Actor, topics: dict[str, UUID]
) -> None:
    make_document(alice, title="Tea", content="Brew green tea.")
    before = index.read_revision(alice.organization_id)
    proposals.propose("job", organization_id=str(alice.organization_id))
    assert index.read_revision(alice.organization_id) != before
    assert count(DocumentNode) > 0


def test_a_review_of_nothing_changes_and_announces_nothing(cast: Cast) -> None:
    # The tests' client fails on a change that no record tells of.
    page = cast.browser("alice").post("/documents/proposals", {"action": "confirm"})
    assert "Choose documents first." in page.css_first("#toasts .error").text()


def test_a_review_of_too_many_documents_says_how_many_it_takes(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.documents.pages.MAX_REVIEWED", 2)
    ids = [str(make_document(alice, content=f"Text {number}.").id) for number in range(3)]
    browser = cast.browser("alice")
    page = browser.post("/documents/proposals", {"id": ids, "action": "confirm"})
    told = page.css_first("#toasts .error").text()
    assert "3 documents are too many at once; choose at most 2." in told
    page = browser.post("/documents/proposals", {"id": [*ids[:2], ids[0]], "action": "confirm"})
    assert "The topics of 2 documents are confirmed." in page.css_first("#toasts").text()


def test_one_proposed_topic_is_confirmed_and_another_rejected(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    tea = make_document(alice, title="Tea")
    proposed = [topics["Green tea"], topics["Key rotation"]]
    ids = db.session.scalars(
        select(TaxonomyNode.id).where(TaxonomyNode.public_id.in_(proposed))
    ).all()
    add_topics([(tea.id, node_id, 0.61) for node_id in ids], is_proposed=True)
    db.session.commit()
    browser = cast.browser("alice")
    path = "/documents/proposals"
    page = browser.get("/documents?proposed=true")
    assert {words_of(topic) for topic in page.css(".proposal .topic")} == {
        "Kitchen › Green tea", "Security › Key rotation",
    }  # fmt: skip
    assert "0.61" in page.css_first(".proposal").text()
    # Nobody types a topic into a row: it is taken or left.
    assert page.css("#documents tbody input:not([type=checkbox], [type=hidden])") == []
    said = "dashed topics are proposed, and count once they are confirmed"
    assert said in words_of(page.css_first("#documents"))
    page = browser.post(path, {"confirm": f"{tea.id} {topics['Green tea']}", "offset": "0"})
    assert "The topic of Tea is confirmed." in page.css_first("#toasts").text()
    assert [words_of(topic) for topic in page.css(".proposal .topic")] == [
        "Security › Key rotation"
    ]
    reject = {"reject": f"{tea.id} {topics['Key rotation']}", "back": "document"}
    page = browser.post(path, reject)
    assert not page.css(".proposal")
    assert "Kitchen › Green tea" in page.css_first("#document-topics").text()
    assert [link.public_id for link in tea.links] == [topics["Green tea"]]
    # Somebody else was quicker, or it never was one.
    browser.post(path, reject, status=404)
    browser.post(path, {"confirm": f"{tea.id} {topics['Green tea']}"}, status=404)
    page = browser.post(path, {"confirm": "tea"})
    assert "Say which document" in page.css_first("#toasts").text()
    cast.browser("vera").post(path, reject, status=403)


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


def test_a_topic_of_two_versions_stands_in_the_list_once(
    alice: Actor, browser: Browser, topics: dict[str, UUID]
) -> None:
    nodes = [{"path": ["Kitchen", "Green tea"]}]
    body = TaxonomyRequest.model_validate({"version": "2.0.0", "nodes": nodes})
    newer = {n.label: n.node_id for n in taxonomies.extend_taxonomy(body, actor=alice).nodes}
    about = [topics["Green tea"], newer["Green tea"], topics["Security"]]
    make_document(alice, title="Tea", nodes=about)
    shown = browser.get("/documents").css("#documents td .topic")
    assert sorted(map(words_of, shown)) == ["Kitchen › Green tea", "Security"]
