"""Documents: stored, found, replaced and deleted; questions asked, streamed and counted."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.browser import Browser, words_of
from tests.cast import Api, Cast
from tests.factories import make_agent, make_document
from tests.statements import noted, plan_of
from webapp.agents import services as agents
from webapp.core import narrowing
from webapp.core.actor import Actor
from webapp.core.errors import Invalid
from webapp.core.extensions import db
from webapp.documents.deletion import services as deletion
from webapp.documents.models import Chunk, Document
from webapp.documents.reading import parsing
from webapp.documents.reading.extract import Bounds
from webapp.overview import samples
from webapp.questions import services
from webapp.questions.schemas import QueryRequest, SearchRequest
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest


def found(query: str, actor: Actor, **options: object) -> list[str]:
    answer = services.search_documents(SearchRequest(query=query, **options), actor=actor)
    return [result.metadata.title for result in answer.results if result.metadata]


def test_a_document_is_found_as_soon_as_it_is_stored(alice: Actor) -> None:
    make_document(alice)
    make_document(alice, title="Coffee", content="Beans are roasted and ground.")
    assert found("temperature of the water for green teas", alice)[0] == "Tea"
    assert found("roast", alice, strategy="keyword") == ["Coffee"]
    assert found("espresso", alice, strategy="vector")[0] == "Coffee"


def test_korean_and_emoji_are_found(alice: Actor) -> None:
    make_document(alice, title="안내", content="에이전트의 지식 범위를 검색합니다.")
    make_document(alice, title="Other", content="Nothing of the kind.")
    assert found("검색", alice, strategy="keyword") == ["안내"]
    found("🚀🚀", alice)


@pytest.mark.parametrize("query", ['"', "*", "NEAR(", "%", "a AND", "\\", "'; DROP TABLE chunks"])
def test_query_syntax_is_only_text(alice: Actor, query: str) -> None:
    make_document(alice)
    found(query, alice)


def test_the_same_external_id_replaces(cast: Cast, alice: Actor) -> None:
    first = make_document(alice, external_id="x", content="about elephants")
    second = make_document(alice, external_id="x", content="about giraffes")
    assert first.id == second.id
    assert found("elephants", alice, strategy="keyword") == []
    assert found("giraffes", alice, strategy="keyword") == ["Tea"]
    assert db.session.scalar(select(func.count()).select_from(Document)) == 1
    assert db.session.scalar(select(func.count()).select_from(Chunk)) == 1


def test_a_deleted_document_is_found_no_more(alice: Actor) -> None:
    document = make_document(alice)
    deletion.delete_document(document.id, actor=alice)
    assert found("tea", alice) == []
    make_document(alice, title="Again")
    assert found("tea", alice) == ["Again"]


def test_a_refused_document_leaves_nothing(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = cast.api("alice")
    for body in ({"content": ""}, {"content": "  \n "}, {"title": "x"}, {"content": "x", "a": 1},
                 {"content": "<p></p>", "content_type": "text/html"}):  # fmt: skip
        assert api.post("/documents", body).status_code == 422
    monkeypatch.setattr(parsing, "BOUNDS", Bounds(depth=10))
    with pytest.raises(Invalid, match="more than 10 levels deep"):
        make_document(alice, content="<div>" * 11 + "x", content_type="text/html")
    assert api.get("/documents").json == []


def test_chunks_stand_under_their_headings(alice: Actor) -> None:
    text = "# Guide\n\nIntro.\n\n## Keys\n\n### Rotate\n\nMake a new one.\n"
    document = make_document(alice, title="", content=text)
    assert document.title == "Guide"
    chunks = db.session.scalars(
        select(Chunk).where(Chunk.document_id == document.id).order_by(Chunk.position)
    )
    assert [(chunk.heading_path, chunk.text) for chunk in chunks] == [
        ([], "Intro."),
        (["Keys", "Rotate"], "Make a new one."),
    ]


def test_the_api_answers_as_the_contract_says(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="helper", retrieval_config={"top_k": 2})
    for number in range(4):
        content = f"Green tea {number} wants water of 80 degrees."
        make_document(alice, title=f"Tea {number}", content=content, external_id=f"t{number}")
    api = cast.api("bob")
    answer = api.post("/agents/helper/query", {"query": "green tea"}).json
    assert answer["agent_id"] == str(agent.id)
    assert answer["total_results"] == len(answer["results"]) == 2
    assert answer["retrieval_strategy"] == "hybrid"
    result = answer["results"][0]
    assert {"doc_id", "chunk_id", "content", "score", "metadata"} == set(result)
    assert result["metadata"]["external_id"].startswith("t")
    start, end = result["metadata"]["highlights"][0]
    assert result["content"][start:end] == "Green"
    more = api.post("/agents/helper/query", {"query": "tea", "top_k": 3, "include_metadata": False})
    assert len(more.json["results"]) == 3
    assert more.json["results"][0]["metadata"] is None
    assert api.get("/agents/helper").json["total_queries"] == 2
    bad_queries = [{}, {"query": ""}, {"query": " "}, {"query": "x" * 1001}]
    bad_counts = [{"query": "x", "top_k": top_k} for top_k in (0, 51, "5")]
    for body in bad_queries + bad_counts:
        assert api.post("/agents/helper/query", body).status_code == 422
    assert api.get("/agents/helper").json["total_queries"] == 2
    assert api.post("/agents/nobody/query", {"query": "x"}).status_code == 404
    assert cast.api("vera").post("/agents/helper/query", {"query": "x"}).status_code == 403


def test_the_list_is_sorted_by_title_as_people_read_it_and_by_change(
    cast: Cast, alice: Actor
) -> None:
    made = {
        title: make_document(alice, title=title) for title in ("banana", "Apple", "Çelik", "cod")
    }
    api = cast.api("alice")

    def listed(sort: str) -> list[str]:
        return [item["title"] for item in api.get(f"/documents?sort={sort}").json]

    assert listed("title")[:2] == ["Apple", "banana"]
    assert listed("-title") == listed("title")[::-1]
    api.request("PATCH", f"/documents/{made['banana'].id}", {"title": "Zebra"})
    assert listed("title").index("Zebra") > listed("title").index("cod")
    assert listed("-updated_at")[0] == "Zebra"
    assert listed("created_at")[0] == "Zebra"
    assert api.get("/documents?sort=size").status_code == 422
    head = cast.browser("alice").get("/documents?sort=-title").css_first("th[aria-sort]")
    assert (words_of(head), head.attributes["aria-sort"]) == ("Title ↓ , descending", "descending")


def test_the_list_pages_newest_first_and_counts_all(
    cast: Cast, alice: Actor, charlie: Actor
) -> None:
    made = [make_document(alice, title=f"Tea {n}", external_id=f"t_{n}") for n in range(5)]
    made[3].status = "failed"
    # Two that came at the same moment keep one order on all pages.
    made[1].created_at = made[2].created_at
    db.session.commit()
    make_document(charlie, title="Tea of others")
    api = cast.api("alice")

    def listed(query: str) -> tuple[list[str], str]:
        answer = api.get(f"/documents?{query}")
        return [item["title"] for item in answer.json], answer.headers["X-Total-Count"]

    whole, total = listed("limit=50")
    assert (whole[:2], sorted(whole[2:4]), whole[4], total) == (
        ["Tea 4", "Tea 3"], ["Tea 1", "Tea 2"], "Tea 0", "5"
    )  # fmt: skip
    pages = [listed(f"limit=2&offset={at}") for at in (0, 2, 4, 6)]
    assert pages == [(whole[at : at + 2], "5") for at in (0, 2, 4, 6)]
    assert listed("status=ready&limit=2") == (
        [title for title in whole if title != "Tea 3"][:2],
        "4",
    )
    assert listed("q=TEA%200") == (["Tea 0"], "1")
    assert listed("q=t_3") == (["Tea 3"], "1")
    assert listed("q=%25") == ([], "0")


def steps_of(api: Api, path: str) -> list[str]:
    """How SQLite finds documents for an answer."""
    with noted() as statements:
        api.get(path)
    plans = [plan_of(said) for said in statements if "FROM documents" in said.text]
    steps = [step for plan in plans for step in plan]
    return [step for step in steps if step.split()[1] in ("documents", "document_nodes")]


@pytest.mark.parametrize("query", ["limit=1", "status=ready", "q=tea", "q=none", "proposed=true"])
def test_sqlite_lists_documents_by_indexes_alone(
    cast: Cast, alice: Actor, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrowing, "FEW", -1)
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what a table holds")
    make_document(alice, title="Tea")
    steps = steps_of(cast.api("alice"), f"/documents?{query}")
    few = ("(id=?)", "ix_document_nodes_proposed")
    looked_up = [step for step in steps if step.endswith(few)]
    others = [step for step in steps if step not in looked_up]
    assert (bool(looked_up), bool(others)) == (True, True)
    assert [step for step in others if "COVERING INDEX" not in step] == []


def test_few_documents_of_a_topic_are_looked_up_and_many_met_on_the_way(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = {"version": "1.0.0", "nodes": [{"path": ["Drinks"]}, {"path": ["Drinks", "Tea"]}]}
    taxonomies.extend_taxonomy(TaxonomyRequest.model_validate(topics), actor=alice)
    drinks, tea = taxonomies.find_paths("1.0.0", [["Drinks"], ["Drinks", "Tea"]], actor=alice)
    for number in range(4):
        nodes = [[], [str(tea)], [str(drinks)], [str(drinks), str(tea)]][number]
        make_document(alice, title=f"Tea {number}", version="1.0.0", nodes=nodes)
    api = cast.api("alice")

    def listed(query: str) -> tuple[list[str], str]:
        answer = api.get(f"/documents?node={drinks}&{query}")
        return [item["title"][4:] for item in answer.json], answer.headers["X-Total-Count"]

    def check() -> None:
        assert listed("") == (["3", "2", "1"], "3")
        assert listed("limit=2") == (["3", "2"], "3")
        assert listed("limit=2&offset=2&sort=-title") == (["1"], "3")
        assert listed("limit=1&sort=title&q=tea") == (["1"], "3")
        assert listed("limit=1&status=failed") == ([], "0")
        assert listed("limit=1&proposed=true") == ([], "0")

    def steps() -> list[str]:
        return steps_of(api, f"/documents?node={drinks}&limit=2")

    is_sqlite = db.engine.dialect.name == "sqlite"
    check()
    if is_sqlite:
        assert not [step for step in steps() if "organization_id" in step]
    monkeypatch.setattr(narrowing, "FEW", 2)
    check()
    monkeypatch.setattr(narrowing, "MANY", 2)
    check()
    if is_sqlite:
        walked = [step for step in steps() if "organization_id" in step]
        assert [step for step in walked if "COVERING INDEX" not in step] == []
        assert "SEARCH document_nodes USING INDEX sqlite_autoindex_document_nodes_1" in str(steps())


def test_the_stream_has_the_events_of_the_contract(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper", features_config={"stream_delay_ms": 0})
    make_document(alice)
    api = cast.api("bob")
    response = api.post("/agents/helper/query/stream", {"query": "tea"})
    assert response.mimetype == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line[:5] == "data:"]
    assert [event.get("status") for event in events] == ["started", None, "completed"]
    assert events[1]["index"] == 0
    assert events[2]["total_results"] == 1
    assert response.text.startswith("id: 1\ndata: ")
    missing = api.post("/agents/nobody/query/stream", {"query": "x"})
    assert (missing.status_code, missing.mimetype) == (404, "application/problem+json")
    assert api.post("/agents/helper/query", {"query": "x", "streaming": True}).mimetype == (
        "text/event-stream"
    )


def test_an_upload_is_checked_before_it_becomes_a_task(cast: Cast) -> None:
    api = cast.api("alice")

    def upload(content: bytes, name: str) -> int:
        return api.request(
            "POST", "/documents", data={"file": (BytesIO(content), name)},
            content_type="multipart/form-data",
        ).status_code  # fmt: skip

    assert upload(b"", "a.md") == 422
    assert upload(b"\xff\xfe\xfa", "a.md") == 422
    assert upload(b"a\x00b", "a.txt") == 422
    assert upload(b"MZ", "a.exe") == 415
    assert api.get("/tasks").json == []
    assert upload("# 제목\n\n본문".encode(), "a.md") == 202
    assert [task["status"] for task in api.get("/tasks").json] == ["pending"]
    empty = api.post(
        "/documents/import", data=b"", headers={"Content-Type": "application/x-ndjson"}
    )
    assert empty.status_code == 422


def test_somebody_who_asks_the_guide_gets_the_right_passage(alice: Actor, docs: Path) -> None:
    samples.seed(alice)
    assert samples.seed(alice).startswith("Sample data: 0 agents and 0 documents")
    answer = services.ask_agent(
        "callboard-guide", QueryRequest(query="how do I rotate an API key?"), actor=alice
    )
    best = answer.results[0]
    assert best.metadata is not None
    assert best.metadata.heading_path[-1] == "Rotate an API key"
    assert "revoke the old key" in " ".join(best.content.split())
    triage = agents.get_agent("triage-agent", actor=alice)
    assert len(triage.handoff_targets) == 2


def test_the_pages_show_and_ask_without_javascript(browser: Browser, alice: Actor) -> None:
    assert "Add the first document" in browser.get("/documents").body.text()
    browser.post("/documents", {"content": "", "content_type": "text/plain"}, status=422)
    page = browser.post(
        "/documents",
        {
            "title": "A <b>title</b>",
            "content": "Green <script>tea</script>",
            "content_type": "text/plain",
        },
    )
    assert page.css_first("h1").text() == "A <b>title</b>"
    make_agent(alice, handle="helper")
    page = browser.get("/agents/helper/ask?q=tea")
    assert page.css_first(".result mark").text() == "tea"
    assert "<script>" in page.css_first(".result .rendered").text()
    assert browser.get("/search?q=tea&strategy=keyword").css_first(".result h2").text()
    assert "at most 1000" in browser.get("/search?q=" + "x" * 1001).body.text()
    assert browser.get("/palette?q=hel").css_first("a").attributes["href"] == "/agents/helper"
