"""What lists are searched by: true after every write, found as LIKE finds it, read no further."""

from __future__ import annotations

import json
import re
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import aliased

from tests.cast import Api, Cast
from tests.factories import make_agent, make_document
from tests.statements import noted, plan_of
from webapp.agents.bulk import services as bulk
from webapp.agents.models import Agent, AgentText
from webapp.core import narrowing
from webapp.core.actor import Actor
from webapp.core.database.text import fold, like_pattern
from webapp.core.database.transactions import refresh_statistics
from webapp.core.extensions import db
from webapp.core.texts import UNKNOWN_TO_TOKENIZER, SearchedText, Sought
from webapp.coverage.models import AgentCoverage
from webapp.documents.models import Document, DocumentText
from webapp.tasks import running

Row = tuple[UUID, UUID, str]
#: an organization's ids on SQLite begin at a multiple of it
SPACE = 2**32


@pytest.fixture
def api(cast: Cast) -> Api:
    return cast.api("alice")


def check_kept(count: int) -> None:
    """The rows are those that a computation from the agents and documents gives, so many."""
    db.session.rollback()
    agents = [
        (agent.organization_id, agent.id,
         fold("\n".join((agent.name, agent.handle, agent.description,
                         agent.scope_description or ""))))
        for agent in db.session.scalars(select(Agent).where(Agent.is_active))
    ]  # fmt: skip
    documents = [
        (document.organization_id, document.id,
         fold(f"{document.title}\n{document.external_id or ''}"))
        for document in db.session.scalars(select(Document))
    ]  # fmt: skip
    assert (kept(AgentText), kept(DocumentText)) == (sorted(agents), sorted(documents))
    beside = {row.subject_id: filtered(row) for row in db.session.scalars(select(AgentText))}
    active = db.session.scalars(select(Agent).where(Agent.is_active))
    assert beside == {agent.id: filtered(agent) for agent in active}
    measured = select(AgentCoverage.agent_id, AgentCoverage.coverage_percent).join(Agent)
    beside_texts = select(AgentText.subject_id, AgentText.__table__.c.coverage_percent)
    coverage = {row.subject_id: row.coverage_percent for row in db.session.execute(beside_texts)}
    rows = db.session.execute(measured.where(Agent.is_active))
    assert coverage == {row.agent_id: row.coverage_percent for row in rows}
    assert len(agents) + len(documents) == count


def filtered(of: Agent | AgentText) -> tuple[object, ...]:
    return of.paused, of.status, of.modality, of.model_key, of.parent, of.tools


def kept(model: type[SearchedText]) -> list[Row]:
    rows = list(db.session.execute(select(model.organization_id, model.subject_id, model.text)))
    if db.engine.dialect.name == "sqlite":
        # It raises where the index holds another text than the rows.
        index = f"{model.__tablename__}_trigrams"
        db.session.execute(text(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')"))
        owners: dict[int, set[UUID]] = {}
        for number, owner in db.session.execute(select(model.id, model.organization_id)):
            owners.setdefault(number // SPACE, set()).add(owner)
        assert all(len(found) == 1 for found in owners.values())
        assert len({owner for found in owners.values() for owner in found}) == len(owners)
    db.session.rollback()
    return sorted((row[0], row[1], row[2]) for row in rows)


def test_texts_of_agents_are_true_after_every_write(api: Api, alice: Actor, charlie: Actor) -> None:
    api.post("/agents", {"name": "A", "instructions": "Help.", "description": "Größe 100 %"})
    make_agent(charlie, name="Elsewhere")
    api.post("/agents", {"id": "spawned", "system_prompt": "Help."})
    api.post("/agents/a/duplicate")
    items = [{"name": f"I{n}", "instructions": "Help."} for n in (1, 2)]
    api.post("/agents/import", {"agents": items})
    check_kept(6)
    make_agent(charlie, name="Elsewhere again")
    api.request("PUT", "/agents/a", {"description": "Changed", "tools": ["mail"]})
    api.request("PATCH", "/agents/a", {"name": "Renamed", "scope_description": "Knows TEA"})
    check_kept(7)
    several = {"name": "Renamed twice", "modality": "audio_camera", "tools": ["mail", "search"]}
    for changes in ({"model": "GPT-5"}, several):
        assert api.request("PUT", "/agents/a", changes).status_code == 200
        check_kept(7)
    assert api.request("PATCH", "/agents/a", {"paused": True}).status_code == 200
    db.session.execute(update(Agent).where(Agent.handle == "a").values(parent="i1"))
    db.session.commit()
    check_kept(7)
    db.session.execute(update(Agent).values(status="draft", parent=None))
    db.session.execute(update(AgentCoverage).values(coverage_percent=37.5))
    db.session.commit()
    check_kept(7)
    api.request("PATCH", "/agents/bulk", {"filter": {"q": "tea"}, "changes": {"tools": ["x"]}})
    api.post("/agents/a/versions/1/rollback")
    api.post("/agents/a/versions/1/publish", {})
    check_kept(7)
    api.delete("/agents/a")
    check_kept(6)
    api.post("/agents/a/restore")
    check_kept(7)
    ids = [item["id"] for item in api.get("/agents?q=i").json]
    api.request("DELETE", "/agents/bulk", {"ids": ids})
    check_kept(5)
    at = db.session.scalars(select(Agent.updated_at).where(Agent.handle == "i1")).one()
    assert len(bulk.restore_agents(at, actor=alice)) == 2
    api.delete("/agents/a?permanent=true")
    db.session.execute(update(Agent).values(is_active=True))
    db.session.commit()
    check_kept(6)
    db.session.execute(update(Agent).values(is_active=False))
    db.session.rollback()
    check_kept(6)
    for handle in ("spawned", "i1", "i2", "a-copy"):
        api.delete(f"/agents/{handle}?permanent=true&force=true")
    make_agent(charlie, name="Elsewhere, last")
    check_kept(3)


def test_texts_of_documents_are_true_after_every_write(
    api: Api, alice: Actor, charlie: Actor
) -> None:
    kept_id = make_document(alice, title="Größe", external_id="ONE").id
    make_document(charlie, title="Elsewhere")
    make_document(alice, title="Tea")
    check_kept(3)
    make_document(alice, title="Other title", external_id="ONE")
    api.request("PATCH", f"/documents/{kept_id}", {"source_url": "https://example.com"})
    check_kept(3)
    assert [item["title"] for item in api.get("/documents?q=one").json] == ["Other title"]
    api.request("PATCH", f"/documents/{kept_id}", {"title": "STRASSE"})
    assert [item["title"] for item in api.get("/documents?q=straße").json] == ["STRASSE"]
    check_kept(3)
    lines = "\n".join(json.dumps({"title": f"L{n}", "content": "tea"}) for n in range(3))
    answer = api.post("/documents/import", data=lines, content_type="application/x-ndjson")
    running.run_task(answer.json["task_id"])
    check_kept(6)
    body = {"action": "delete", "filter": {"q": "L"}}
    running.run_task(api.post("/documents/bulk", body).json["task_id"])
    check_kept(3)
    api.delete(f"/documents/{kept_id}")
    check_kept(2)


#: letters that a pattern, a quoted phrase or a tokenizer could take for something else
LETTERS = st.text(st.sampled_from("aAbßéÉeﬁ\u0301\"'%_\\*^:(-. \n\t한가\ufffd\ufffe\U0001f600"))
SHORT = LETTERS.filter(lambda found: len(found) < 12)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SHORT, max_size=6), st.lists(SHORT, max_size=2), st.data())
def test_a_text_is_found_exactly_where_like_finds_it(
    app: APIFlask, own: list[str], others: list[str], data: st.DataObject
) -> None:
    with app.app_context():
        ids = uuid4(), uuid4()
        values = [
            {"id": (place + 1) * SPACE + number, "organization_id": ids[place],
             "subject_id": uuid4(), "text": fold(found), "paused": number % 3 == 1}
            for place, texts in enumerate((own, others)) for number, found in enumerate(texts)
        ]  # fmt: skip
        if values:
            db.session.execute(insert(AgentText), values)
        joined = "".join(own) or "abc"
        start = data.draw(st.integers(0, len(joined) - 1))
        part = joined[start : start + data.draw(st.integers(1, 6))]
        sought = data.draw(st.one_of(st.just(part), SHORT.filter(bool)))
        conditions = data.draw(st.sampled_from([[], [AgentText.paused.is_(False)]]))
        found = Sought(AgentText, sought, ids[0], conditions)
        key, holds = (
            AgentText.subject_id,
            AgentText.text.like(like_pattern(fold(sought)), escape="\\"),
        )
        expected = set(
            db.session.scalars(
                select(key).where(AgentText.organization_id == ids[0], holds, *conditions)
            )
        )
        assert set(db.session.scalars(found.ids)) == expected
        assert found.total == len(expected)
        if not UNKNOWN_TO_TOKENIZER & set(sought):  # SQLite takes one of them for another.
            assert expected == {
                row["subject_id"]
                for row in values[: len(own)]
                if fold(sought) in row["text"] and not (conditions and row["paused"])
            }
        found.is_long = True
        listed = aliased(AgentText)
        walked = select(listed.subject_id).where(
            listed.organization_id == ids[0], found.includes(listed.subject_id, is_walk=True)
        )
        assert set(db.session.scalars(walked)) == expected
        db.session.rollback()


@pytest.mark.parametrize(("few", "many"), [(100, 5000), (0, 1), (1, 1)])
def test_lists_find_texts_alike_for_few_and_many(
    api: Api, alice: Actor, charlie: Actor, monkeypatch: pytest.MonkeyPatch, few: int, many: int
) -> None:
    monkeypatch.setattr(narrowing, "FEW", few)
    monkeypatch.setattr(narrowing, "MANY", many)
    for number in range(4):
        make_agent(alice, name=f"A{number}", description=f"Tea {number}", tools=["x"][number % 2 :])
        make_document(alice, title=f"Tea {number}", external_id=f"A{number}")
    make_agent(charlie, name="A9", description="Tea")
    make_document(charlie, title="Tea")
    api.delete("/agents/a3")

    def listed(query: str) -> tuple[str, str]:
        answer = api.get(query)
        names = [item.get("handle") or item["external_id"] for item in answer.json]
        return "".join(name[1] for name in names), answer.headers["X-Total-Count"]

    assert listed("/agents?q=TEA") == ("210", "3")
    assert listed("/agents?q=tea&limit=2&sort=name") == ("01", "3")
    assert listed("/agents?q=tea&limit=1&sort=name&offset=2") == ("2", "3")
    assert listed("/agents?q=tea&limit=1&sort=-total_queries")[1] == "3"
    assert listed("/agents?q=te&limit=1") == ("2", "3")
    assert listed("/agents?q=tea%200&limit=1") == ("0", "1")
    assert listed("/agents?q=tea%20tool:x&limit=1") == ("2", "2")
    assert listed("/agents?q=tea&status=draft&limit=1") == ("2", "3")
    assert listed("/agents?q=no-such&limit=1") == ("", "0")
    assert listed("/agents?q=tea&include_deleted=true&limit=1") == ("3", "4")
    assert listed("/agents?q=tea&active=true&limit=1") == ("2", "3")
    found = api.get("/agents/search?q=tea&max_results=1").json
    assert ([agent["handle"] for agent in found["agents"]], found["total"]) == (["a2"], 3)
    assert listed("/documents?q=TEA&limit=2") == ("32", "4")
    assert listed("/documents?q=tea&limit=2&sort=title&offset=1") == ("12", "4")
    assert listed("/documents?q=tea&status=ready&limit=1") == ("3", "4")
    assert listed("/documents?q=tea&status=failed") == ("", "0")
    assert listed("/documents?q=a0") == ("0", "1")


@pytest.mark.parametrize("many", [1, 5000])
@pytest.mark.parametrize(
    "path", ["/agents?q=tea", "/agents?q=tea&sort=name", "/agents/search?q=tea", "/documents?q=tea"]
)
def test_no_list_looks_at_every_text(
    api: Api, alice: Actor, monkeypatch: pytest.MonkeyPatch, path: str, many: int
) -> None:
    """Of three letters and more: those of all that match are counted, and many not gathered."""
    monkeypatch.setattr(narrowing, "MANY", many)
    for number in range(3):
        make_agent(alice, name=f"Tea {number}")
        make_document(alice, title=f"Tea {number}")
    is_sqlite = db.engine.dialect.name == "sqlite"
    if not is_sqlite:
        for model in (AgentText, DocumentText):
            others = [{"organization_id": alice.organization_id, "subject_id": uuid4(),
                       "text": f"water {number}"} for number in range(300)]  # fmt: skip
            db.session.execute(insert(model), others)
            refresh_statistics(model.__tablename__)
        db.session.commit()
    with noted() as statements:
        limit = "max_results" if "search" in path else "limit"
        api.get(f"{path}&{limit}=1")
    asked = [said for said in statements if re.search("_texts|LIKE", said.text)]
    count, page = ["\n".join(plan_of(said)) for said in asked]
    by_trigrams = "VIRTUAL TABLE INDEX" if is_sqlite else "_texts_trigrams"
    by_subject = "(subject_id=?)" if is_sqlite else "_texts_subject_id"
    assert (by_trigrams in count, by_subject in count) == (True, False)
    assert not re.search(r"(SCAN|Seq Scan on) (agent|document)_texts\b", count)
    if is_sqlite:  # So few, PostgreSQL reads for a page in whatever way.
        on_the_way = "INDEX ix_agents_list (" if path == "/agents?q=tea" else by_subject
        assert (by_trigrams in page, on_the_way in page) == (many > 1, many == 1)
        assert not re.search(r"SCAN (agent|document)_texts\b", page)
