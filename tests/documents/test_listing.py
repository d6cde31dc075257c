"""All that the list's filters find together, however it is found, against a plain look at all."""

from __future__ import annotations

from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.browser import words_of
from tests.cast import Cast
from tests.documents.imports import read, send
from tests.factories import make_document
from webapp.core import narrowing
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents import services
from webapp.documents.models import Document, DocumentNode, DocumentStatus
from webapp.documents.schemas import DocumentQuery
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest

TITLES = ["Tea", "Green tea", "Coffee", "Black tea and coffee"]
STATUSES = ["ready", "ready", "failed", "ready", "pending"]


def make_topics(actor: Actor) -> tuple[UUID, UUID]:
    paths = [["Drinks"], ["Drinks", "Tea"]]
    body = {"version": "1.0.0", "nodes": [{"path": path} for path in paths]}
    taxonomies.extend_taxonomy(TaxonomyRequest.model_validate(body), actor=actor)
    drinks, tea = taxonomies.find_paths("1.0.0", paths, actor=actor)
    return drinks, tea


def fill(actor: Actor, drinks: UUID, tea: UUID) -> list[Document]:
    """Documents with each title, status and topics; some of the topics only proposed."""
    topics: list[list[UUID]] = [[], [tea], [drinks], [drinks, tea]]
    for number in range(20):
        nodes = [str(node) for node in topics[number // 4 % 4]]
        title = f"{TITLES[number % 4]} {number}"
        made = make_document(actor, title=title, version="1.0.0", nodes=nodes)
        own = Document.id == made.id
        db.session.execute(update(Document).where(own).values(status=STATUSES[number % 5]))
    unsure = select(Document.id).where(Document.title.like("% 1_"), Document.title.like("Tea%"))
    guess = update(DocumentNode).where(DocumentNode.document_id.in_(unsure))
    db.session.execute(guess.values(is_proposed=True, is_counted=False))
    db.session.commit()
    return list(db.session.scalars(select(Document).order_by(Document.created_at, Document.id)))


@pytest.mark.parametrize(("few", "many", "far"), [(100, 5000, 500), (0, 9, 500), (0, 0, 0)])
def test_filters_find_together_what_a_look_at_each_document_finds(
    alice: Actor,
    charlie: Actor,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    many: int,
    far: int,
) -> None:
    monkeypatch.setattr(narrowing, "FEW", few)
    monkeypatch.setattr(narrowing, "MANY", many)
    monkeypatch.setattr(services, "FAR", far)
    drinks, tea = make_topics(alice)
    documents = fill(alice, drinks, tea)
    make_document(charlie, title="Tea")
    own = {node.node_id: node.public_id for document in documents for node in document.links}
    below = {None: None, drinks: {drinks, tea}, tea: {tea}}

    def expect(
        q: str, status: DocumentStatus | None, node: UUID | None, *, is_proposed: bool
    ) -> list[str]:
        return [
            str(document.id)
            for document in documents
            if q in document.title.lower()
            and document.status == (status or document.status)
            and (not is_proposed or any(link.is_proposed for link in document.links))
            and (
                (among := below[node]) is None
                or any(own[link.node_id] in among and link.is_counted for link in document.links)
            )
        ]

    offset = 1 if far == 0 else 0
    for q, status, node, is_proposed in product(
        ("", "tea", "te"),
        (None, DocumentStatus.READY, DocumentStatus.FAILED),
        (None, drinks, tea),
        (False, True),
    ):
        query = DocumentQuery(
            q=q, status=status, node=node, proposed=is_proposed,
            sort="created_at", limit=1, offset=offset,
        )  # fmt: skip
        found = expect(q, status, node, is_proposed=is_proposed)
        page = services.list_documents(query, actor=alice)
        listed = [str(item.id) for item in page.items], page.total
        assert (query, *listed) == (query, found[offset : offset + 1], len(found))


def test_the_documents_of_an_import_are_found_by_its_task_and_from_its_page(
    cast: Cast, alice: Actor
) -> None:
    api, browser = cast.api("alice"), cast.browser("alice")
    make_document(alice, title="Pasted")
    one = b'{"content": "One.", "title": "One", "external_id": "1"}'
    lines = one + b'\n{"content": "Two.", "title": "Two"}'
    task = read(send(api, "some.ndjson", lines))
    other = read(send(api, "other.md", b"# Other"))

    def found(task_id: str, more: str = "") -> set[str]:
        return {item["title"] for item in api.get(f"/documents?task={task_id}{more}").json}

    assert found(task.id) == {"One", "Two"}
    assert found(task.id, "&q=two") == {"Two"}
    assert (found(other.id), found("task-none")) == ({"Other"}, set())
    assert cast.api("charlie").get(f"/documents?task={task.id}").json == []
    address = f"/documents?task={task.id}"
    links = {link.attributes["href"] for link in browser.get(f"/tasks/{task.id}").css("main a")}
    assert address in links
    page = browser.get(address)
    assert len(page.css("#documents tbody tr")) == 2
    (chip,) = page.css("#imported-by")
    assert (words_of(chip), chip.attributes["href"]) == ("Import some.ndjson ×", "/documents")
    # All that the filter finds, and no other, is what a change of all is about.
    preview = browser.get(f"/documents/bulk?action=delete&all=true&task={task.id}")
    assert words_of(preview.css_first("h1")) == "Delete 2 documents"
    api.post("/documents", {"content": "New.", "external_id": "1"})
    assert found(task.id) == {"Two"}
    page = browser.get("/documents?task=task-none")
    assert "No document of this import matches" in words_of(page.css_first("#documents"))
    assert words_of(page.css_first("#imported-by")) == "An earlier import ×"
