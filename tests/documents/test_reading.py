"""A document to be read: its text, its passages and its source, part by part."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.documents.imports import read, send
from tests.factories import make_agent, make_document
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents import passages
from webapp.documents.deletion import services as deletion
from webapp.documents.models import Chunk, Document

LONG = "# Book\n\n" + "\n\n".join(f"## Chapter {n}\n\nWords of chapter {n}." for n in range(130))


@pytest.fixture
def book(alice: Actor) -> Document:
    return make_document(alice, title="Book", content=LONG)


def chunk_ids(document: Document) -> list[int]:
    ids = select(Chunk.id).where(Chunk.document_id == document.id).order_by(Chunk.position)
    return list(db.session.scalars(ids))


def test_the_text_is_drawn_under_headings_that_come_once(browser: Browser, alice: Actor) -> None:
    text = (
        "# Tea\n\nIntro.\n\n## Heat `C`\n\n### Green\n\n" + "Of *80* degrees. " * 120
        + "\n\n### Black\n\nBoiling.\n\n## Cups\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )  # fmt: skip
    document = make_document(alice, title="Tea", content=text)
    page = browser.get(f"/documents/{document.id}")
    headings = [(item.tag, item.text()) for item in page.css(".text :is(h1, h2, h3, h4)")]
    assert headings == [("h2", "Heat C"), ("h3", "Green"), ("h3", "Black"), ("h2", "Cups")]
    assert page.css_first(".text h2 code").text() == "C"
    assert len(page.css(".text .chunk")) == document.chunk_count
    assert page.css_first(".text em").text() == "80"
    assert [cell.text() for cell in page.css(".text td")] == ["1", "2"]


def test_code_that_is_cut_into_passages_stays_code(browser: Browser, alice: Actor) -> None:
    lines = "\n".join(f"# comment {number} with *stars* and more" for number in range(120))
    document = make_document(alice, title="Code", content=f"Begin\n\n```sh\n{lines}\n```\n\n*End*")
    assert document.chunk_count > 2
    page = browser.get(f"/documents/{document.id}")
    code = "".join(block.text() for block in page.css(".text pre"))
    assert code.count("# comment") == 120
    assert [item.text() for item in page.css(".text em")] == ["End"]
    # Also where a part of the document begins within it.
    part = passages.read_part(document, 2)
    assert "<pre>" in part.passages[0].content


def test_links_to_documents_that_are_there_lead_to_them(
    browser: Browser, alice: Actor, charlie: Actor
) -> None:
    text = (
        "[up](../start.md#go) [beside](steps/one.md) [bare](two) [name](../../else/three.md) "
        "[gone](gone.md) [here](#here) [foreign](theirs.md) [web](https://example.com/x)"
    )
    names = ["start.md", "guide/steps/one.md", "guide/two.md", "three.md"]
    ids = [make_document(alice, title=name, external_id=name).id for name in names]
    make_document(charlie, title="Theirs", external_id="guide/theirs.md")
    document = make_document(alice, title="Hub", content=text, external_id="guide/hub.md")
    page = browser.get(f"/documents/{document.id}")
    links = {link.text(): link.attributes["href"] for link in page.css(".text .rendered a")}
    assert links == {
        "up": f"/documents/{ids[0]}",
        "beside": f"/documents/{ids[1]}",
        "bare": f"/documents/{ids[2]}",
        "name": f"/documents/{ids[3]}",
        "web": "https://example.com/x",
    }
    assert [item.text() for item in page.css(".text span[title]")] == ["gone", "here", "foreign"]


def test_links_of_a_page_of_the_web_lead_to_the_pages_beside_it(
    browser: Browser, alice: Actor
) -> None:
    document = make_document(
        alice, content="[next](../b.html)", source_url="https://example.com/docs/x/a.html"
    )
    link = browser.get(f"/documents/{document.id}").css_first(".text .rendered a")
    assert link.attributes["href"] == "https://example.com/docs/b.html"


def test_a_long_document_comes_in_parts(browser: Browser, book: Document) -> None:
    address = f"/documents/{book.id}"
    seen, parts = [], 0
    more = None
    while parts == 0 or more is not None:
        headers = {"HX-Request": "true"} if more else {}
        page = browser.get(more or address, headers=headers)
        seen += [item.attributes["id"] for item in page.css(".chunk")]
        link = page.css_first(".part-of a[hx-get]")
        more = (link.attributes["hx-get"] or "") if link else None
        parts += 1
    assert parts == 4
    assert seen == [f"chunk-{number}" for number in chunk_ids(book)]
    assert len(set(seen)) == 130


def test_a_part_is_bounded_whatever_its_passages_become(
    alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_document(
        alice, title="Links", content="\n\n".join(f"# {n}\n\n{'[](a) ' * 200}" for n in range(30))
    )
    monkeypatch.setattr(passages, "PART_HTML", 20_000)
    part = passages.read_part(document)
    assert 1 <= len(part.passages) < 30
    assert part.following == len(part.passages)
    assert sum(len(item.content) for item in part.passages[:-1]) <= 20_000


def test_a_result_leads_to_its_passage_wherever_it_is(
    browser: Browser, alice: Actor, book: Document
) -> None:
    make_agent(alice, handle="helper")
    page = browser.get("/agents/helper/ask?q=words+of+chapter+117")
    href = page.css_first(".result h2 a").attributes["href"] or ""
    address, _, anchor = href.partition("#")
    page = browser.get(address)
    found = page.css_first(".chunk.found")
    assert found.attributes["id"] == anchor
    assert "Words of chapter 117." in words_of(found)
    assert page.css(".chunk").index(found) == passages.LEAD
    assert page.css_first(".part-of a").attributes["href"] == f"/documents/{book.id}"


def test_a_passage_that_is_gone_is_told(browser: Browser, alice: Actor, book: Document) -> None:
    other = make_document(alice, title="Other", content="Another text.")
    page = browser.get(f"/documents/{other.id}?passage={chunk_ids(book)[5]}")
    assert "no longer in this document" in words_of(page.css_first(".notice"))
    assert "Another text." in page.css_first(".text").text()


def test_the_passages_stand_one_by_one_with_their_paths(browser: Browser, book: Document) -> None:
    page = browser.get(f"/documents/{book.id}?view=passages")
    assert words_of(page.css_first(".tabs [aria-current]")) == "Passages 130"
    cards = page.css(".chunk.card")
    assert words_of(cards[1].css_first(".path")) == "Passage 2 · Chapter 1"
    assert page.css(".chunk h2") == []


def test_the_source_stands_as_it_was_given(
    browser: Browser, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n\n  # Tea <b>\n\n*Green*\u00e9 " + "tea " * 20
    document = make_document(alice, title="Tea", content=text)
    page = browser.get(f"/documents/{document.id}?view=source")
    assert page.css_first("pre.source").text() == text
    monkeypatch.setattr(passages, "PART_SOURCE", 30)
    first = passages.read_source(document)
    assert (first.text, first.following) == (text[:30], 30)
    assert passages.read_source(document, 30).text == text[30:60]
    assert passages.read_source(document, 90) == passages.SourcePart(text[90:], 90, None)
    assert passages.read_source(document, 10_000).following is None


def test_a_file_of_another_kind_keeps_its_lines(browser: Browser, alice: Actor) -> None:
    document = make_document(
        alice, title="Log", content="one *a*\n\ttwo <b>\nthree", content_type="text/plain"
    )
    page = browser.get(f"/documents/{document.id}")
    assert page.css_first(".text .verbatim").text() == "one *a*\n\ttwo <b>\nthree"


@pytest.mark.parametrize("address", ["?from=-1", "?from=x", "?view=source&from=1.5"])
def test_a_place_that_cannot_be_is_told(browser: Browser, book: Document, address: str) -> None:
    page = browser.get(f"/documents/{book.id}{address}")
    assert page.css_first(".toast.error").text().strip().startswith("from must be")


def test_a_document_that_was_opened_from_a_filtered_list_leads_back_to_it_and_so_does_deleting(
    browser: Browser, alice: Actor
) -> None:
    document = make_document(alice, title="FAQ about keys")
    make_document(alice, title="FAQ about locks")
    make_document(alice, title="Tea")
    (link,) = browser.get("/documents?q=FAQ+about+keys").css("#documents a.row-title")
    assert link.attributes["href"] == f"/documents/{document.id}?q=FAQ+about+keys"
    page = browser.get(f"/documents/{document.id}?q=FAQ")
    assert page.css_first(".crumbs a").attributes["href"] == "/documents?q=FAQ"
    deletion = page.css_first("form[action*=deletion]").attributes["action"]
    page = browser.post(deletion or "", {})
    assert page.css_first("[name=q]").attributes["value"] == "FAQ"
    assert [words_of(link) for link in page.css("a.row-title")] == ["FAQ about locks"]


def test_the_page_of_a_document_names_its_file_and_an_external_id_that_is_another(
    cast: Cast, browser: Browser
) -> None:
    api = cast.api("alice")
    read(send(api, "kettles.txt", b"Kettles boil water."))
    read(send(api, "cups.txt", b"Cups hold it.", external_id="cup-1"))
    make_document(cast.actor("alice"), title="Pasted", external_id="pasted-1")
    facts = {}
    for document in db.session.scalars(select(Document)):
        page = browser.get(f"/documents/{document.id}")
        names = [words_of(name) for name in page.css(".facts dt")]
        values = [words_of(value) for value in page.css(".facts dd")]
        said = dict(zip(names, values, strict=True))
        facts[document.title] = said.get("File"), said.get("External id")
    assert facts == {
        "Kettles boil water.": ("kettles.txt", None),
        "Cups hold it.": ("cups.txt", "cup-1"),
        "Pasted": (None, "pasted-1"),
    }


def test_the_page_of_a_document_that_is_gone_for_good_says_who_deleted_it_and_when(
    cast: Cast, alice: Actor
) -> None:
    document = make_document(alice, title="Tea")
    deletion.remove_document(document.id, actor=alice)
    path = f"/documents/{document.id}"
    for name in ("alice", "vera"):
        told = words_of(cast.browser(name).get(path, status=404).css_first("main"))
        assert "Tea was deleted for good by alice@example.com, " in told
    links = cast.browser("vera").get(path, status=404).css("main .actions a")
    assert [(words_of(link), link.attributes["href"]) for link in links] == [
        ("Go to the overview", "/"),
        ("See all documents", "/documents"),
    ]
    told = words_of(cast.browser("charlie").get(path, status=404).css_first("main"))
    assert "Document not found" in told
    assert "Tea" not in told and "deleted" not in told
    missing = f"/documents/{UUID(int=1)}"
    told = words_of(cast.browser("alice").get(missing, status=404).css_first("main"))
    assert "deleted" not in told
