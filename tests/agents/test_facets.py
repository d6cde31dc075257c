"""The words that lists find agents by: true after every write, and all that such a list reads."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from tests.cast import Api, Cast
from tests.factories import make_agent
from tests.statements import noted, plan_of
from webapp.agents import facets
from webapp.agents import services as agent_services
from webapp.agents.models import Agent, AgentFacet, Status
from webapp.agents.schemas import AgentQuery
from webapp.core import narrowing
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.tallies import Tally
from webapp.coverage.models import AgentCoverage

Facet = tuple[str, str, str]


@pytest.fixture
def api(cast: Cast) -> Api:
    return cast.api("alice")


def kept() -> list[Facet]:
    db.session.rollback()
    rows = db.session.execute(
        select(Agent.handle, AgentFacet.name, AgentFacet.value)
        .join(Agent, Agent.id == AgentFacet.agent_id)
        .where(Agent.organization_id == AgentFacet.organization_id)
    )
    found = sorted(tuple(row) for row in rows)
    assert len(found) == db.session.scalar(select(func.count()).select_from(AgentFacet))
    return found


def true() -> list[Facet]:
    db.session.rollback()
    found = set()
    for agent in db.session.scalars(select(Agent).where(Agent.is_active)):
        found |= {(agent.handle, "tool", tool) for tool in agent.tools}
        for name, value in (
            ("status", agent.status), ("modality", agent.modality), ("model", agent.model_key)
        ):  # fmt: skip
            found.add((agent.handle, name, value))
    return sorted(found)


def test_facets_are_true_after_every_write(api: Api) -> None:
    def check(count: int) -> None:
        assert (kept(), len(kept())) == (true(), count)

    odd = ["search", 'a"b', "é \\ 한국", "search", "x, y"]
    api.post("/agents", {"name": "A", "instructions": "Help.", "tools": odd, "model": "GPT-4.1"})
    assert ("a", "model", "gpt-4.1") in kept()
    check(7)
    api.post("/agents", {"id": "spawned", "system_prompt": "Help.", "tools": ["mail"]})
    api.post("/agents/a/duplicate")
    check(7 + 4 + 7)
    items = [{"name": f"I{n}", "instructions": "Help.", "tools": ["sql"] * (n % 2)} for n in (1, 2)]
    api.post("/agents/import", {"agents": items})
    check(18 + 4 + 3)
    api.request("PUT", "/agents/a", {"tools": ["mail", "search"], "model": "claude"})
    check(25 - 2)
    api.request("PUT", "/agents/a", {"description": "Changed", "modality": "audio_camera"})
    api.request("PATCH", "/agents/a", {"name": "Renamed", "paused": True})
    api.request("PATCH", "/agents/bulk", {"filter": {"tool": "sql"}, "changes": {"tools": []}})
    check(23 - 1)
    api.post("/agents/a/versions/1/rollback")
    check(22 + 2)
    api.post("/agents/a/versions/1/publish", {})
    assert ("a", "status", "published") in kept()
    check(24)
    api.delete("/agents/a")
    check(24 - 7)
    api.request("PUT", "/agents/spawned", {"tools": ["mail", "sql"]})
    api.post("/agents/a/restore")
    check(25)
    api.request("DELETE", "/agents/bulk", {"filter": {"q": "I"}})
    api.delete("/agents/a?permanent=true")
    api.delete("/agents/spawned?permanent=true&force=true")
    assert kept() == true()
    for handle in [facet[0] for facet in kept()]:
        api.delete(f"/agents/{handle}?permanent=true&force=true")
    check(0)


def test_facets_are_true_after_what_passes_the_services(api: Api, alice: Actor) -> None:
    for number in range(3):
        make_agent(alice, name=f"A{number}", tools=["search"])
    db.session.execute(update(Agent).values(tools=["mail", "sql"], model_key="m"))
    db.session.commit()
    assert (kept(), len(kept())) == (true(), 15)
    db.session.execute(update(Agent).values(is_active=False))
    db.session.rollback()
    assert len(kept()) == 15


def test_a_change_writes_the_facets_that_differ_alone(api: Api) -> None:
    """What is written again would be as it should, and not as it has been marked here."""
    api.post("/agents", {"name": "A", "instructions": "Help.", "tools": ["mail", "search"]})
    db.session.execute(update(AgentFacet).values(value=AgentFacet.value + "!"))
    db.session.execute(update(Tally).values(part=Tally.part + 10**6))
    db.session.commit()
    marked = kept()
    api.request("PATCH", "/agents/a", {"name": "B", "scope_description": "Mail", "paused": True})
    api.request("PUT", "/agents/a", {"instructions": "Go.", "tools": ["mail", "search"]})
    assert kept() == marked
    api.request("PUT", "/agents/a", {"tools": ["mail", "sql"]})
    assert set(kept()) - set(marked) == {("a", "tool", "sql")}
    written = select(Tally.value, Tally.count).where(Tally.part < 10**6)
    db.session.rollback()
    assert [tuple(row) for row in db.session.execute(written)] == [("sql", 1)]


@pytest.mark.parametrize(("few", "many"), [(100, 5000), (1, 5000), (1, 1)])
def test_the_list_finds_by_facets_alike_for_few_and_many(
    api: Api, alice: Actor, charlie: Actor, monkeypatch: pytest.MonkeyPatch, few: int, many: int
) -> None:
    monkeypatch.setattr(narrowing, "FEW", few)
    monkeypatch.setattr(narrowing, "MANY", many)
    for number, tools in enumerate([["search"], ["search", "mail"], ["mail"], ["search"]]):
        make_agent(alice, name=f"A{number}", tools=tools, model=["Gpt-4", "gpt-5"][number % 2])
    make_agent(charlie, name="A9", tools=["search"], model="gpt-4")
    api.delete("/agents/a3")

    def listed(query: str) -> tuple[str, str]:
        answer = api.get(f"/agents?{query}")
        handles = "".join(item["handle"][1] for item in answer.json)
        return handles, answer.headers["X-Total-Count"]

    assert listed("tool=search") == ("10", "2")
    assert listed("tool=search&limit=1") == ("1", "2")
    assert listed("tool=search&sort=name&limit=1&offset=1") == ("1", "2")
    assert listed("tool=search&sort=-total_queries&limit=1")[1] == "2"
    assert listed("tool=search&status=draft&limit=1") == ("1", "2")
    assert listed("tool=search&q=tool:mail&limit=1") == ("1", "1")
    assert listed("tool=nothing&limit=1") == ("", "0")
    assert listed("q=model:PT&limit=1") == ("2", "3")
    assert listed("q=model:gpt-4%20status:dra&limit=1") == ("2", "2")
    assert listed("q=modality:audio_o&limit=1&sort=name") == ("0", "3")
    assert listed("q=model:%25&limit=1") == ("", "0")
    assert listed("tool=search&q=a&limit=1") == ("1", "2")
    assert listed("tool=search&include_deleted=true&limit=1") == ("3", "3")
    assert listed("tool=search&active=false") == ("", "0")


@pytest.mark.parametrize(("few", "many"), [(100, 5000), (0, 4), (0, 0)])
def test_a_text_and_facets_find_together_what_a_look_at_each_agent_finds(
    api: Api, alice: Actor, charlie: Actor, monkeypatch: pytest.MonkeyPatch, few: int, many: int
) -> None:
    monkeypatch.setattr(narrowing, "FEW", few)
    monkeypatch.setattr(narrowing, "MANY", many)
    statuses = ["draft", "draft", "draft", "archived", "draft", "published"]
    agents = []
    for number in range(12):
        name = f"{['Tea', 'Green tea', 'Coffee'][number % 3]} {number}"
        values = {"tools": ["search"][: number % 2], "model": f"gpt-{number % 4 // 3}"}
        agents.append(make_agent(alice, name=name, **values))
        changed = update(Agent).where(Agent.id == agents[-1].id)
        db.session.execute(changed.values(status=statuses[number % 6]))
    db.session.commit()
    make_agent(charlie, name="Tea", model="gpt-9")
    assert api.delete(f"/agents/{agents[0].handle}").status_code < 300
    db.session.rollback()
    own = Agent.organization_id == alice.organization_id, Agent.is_active
    expected = list(db.session.scalars(select(Agent).where(*own).order_by(Agent.created_at)))
    assert len(expected) == 11
    for q, status, tool, model in itertools.product(
        ("tea", "te", "none"), (None, *Status), (None, "search"), ("", "gpt", "gpt-0", "gpt-9")
    ):
        found = [
            agent.id
            for agent in expected
            if q in agent.name.lower()
            and agent.status == (status or agent.status)
            and (tool is None or tool in agent.tools)
            and model in agent.model
        ]
        words = f"{q} model:{model}" if model else q
        query = AgentQuery(q=words, status=status, tool=tool, sort="created_at", limit=1)
        page = agent_services.list_agents(query, actor=alice)
        listed = [agent.id for agent in page.items], page.total
        assert (query, *listed) == (query, found[:1], len(found))


@pytest.mark.parametrize(("few", "many"), [(100, 5000), (0, 4), (0, 0)])
def test_a_text_and_any_filter_find_together_what_a_look_at_each_agent_finds(
    api: Api, alice: Actor, charlie: Actor, monkeypatch: pytest.MonkeyPatch, few: int, many: int
) -> None:
    monkeypatch.setattr(narrowing, "FEW", few)
    monkeypatch.setattr(narrowing, "MANY", many)
    top = make_agent(alice, name="Tea")
    for number in range(11):
        name = f"{['Tea', 'Green tea', 'Coffee'][number % 3]} {number}"
        tools = ["search"][: number % 2]
        parent = top.handle if number % 4 == 1 else None
        made = make_agent(alice, name=name, tools=tools, parent=parent)
        if number % 5 == 2:
            made.paused = True
        measured = update(AgentCoverage).where(AgentCoverage.agent_id == made.id)
        db.session.execute(measured.values(coverage_percent=number * 10))
    db.session.commit()
    make_agent(charlie, name="Tea", tools=["search"])
    assert api.delete("/agents/green-tea-1").status_code < 300
    db.session.rollback()
    own = Agent.organization_id == alice.organization_id, Agent.is_active
    expected = list(db.session.scalars(select(Agent).where(*own).order_by(Agent.created_at)))
    assert len(expected) == 11
    figures = select(AgentCoverage.agent_id, AgentCoverage.coverage_percent)
    percent = {row.agent_id: row.coverage_percent for row in db.session.execute(figures)}
    orders: dict[str, dict[UUID, Any]] = {
        "created_at": {agent.id: (agent.created_at, agent.id) for agent in expected},
        "name": {agent.id: (agent.name_key, agent.id) for agent in expected},
        "coverage_percent": {agent.id: (percent[agent.id], agent.id) for agent in expected},
    }
    # Seven, so that each comes with each of the others in turn.
    turns = itertools.cycle([*itertools.product(orders, (None, 40)), ("name", 70)])
    for q, active, is_sub, parent, tool in itertools.product(
        ("tea", "te", "none"), (None, True, False), (None, True, False),
        (None, top.handle, str(top.id), "nobody"), (None, "search"),
    ):  # fmt: skip
        sort, least = next(turns)
        found = [
            agent.id
            for agent in expected
            if q in agent.name.lower()
            and active in (None, not agent.paused)
            and is_sub in (None, agent.parent is not None)
            and (parent is None or (agent.parent == top.handle and parent != "nobody"))
            and (tool is None or tool in agent.tools)
            and (least is None or percent[agent.id] >= least)
        ]
        filters: dict[str, Any] = {
            "active": active, "is_sub": is_sub, "parent": parent, "tool": tool,
            "min_coverage": least,
        }  # fmt: skip
        first = sorted(found, key=orders[sort].__getitem__)[:1]
        query = AgentQuery.model_validate({"q": q, "sort": sort, "limit": 1, **filters})
        page = agent_services.list_agents(query, actor=alice)
        listed = [agent.id for agent in page.items], page.total
        assert (query, *listed) == (query, first, len(found))


def test_models_that_are_too_many_to_name_are_found_all_the_same(
    api: Api, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "MAX_VALUES", 1)
    for model in ("gpt-4", "gpt-5"):
        make_agent(alice, name=model, model=model)
    answer = api.get("/agents?q=model:gpt&limit=1")
    assert ([item["name"] for item in answer.json], answer.headers["X-Total-Count"]) == (
        ["gpt-5"], "2"
    )  # fmt: skip


@pytest.mark.parametrize("query", ["status=draft", "tool=search", "q=model:gpt", "q=status:d"])
@pytest.mark.parametrize("sort", ["-created_at", "name", "-total_queries"])
def test_sqlite_finds_and_counts_by_facets_without_reading_all(
    api: Api, alice: Actor, monkeypatch: pytest.MonkeyPatch, query: str, sort: str
) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what a table holds")
    monkeypatch.setattr(narrowing, "FEW", 0)
    monkeypatch.setattr(narrowing, "MANY", 1)
    for number in range(2):
        make_agent(alice, name=f"A{number}", tools=["search"], model="gpt-4")
    with noted() as statements:
        api.get(f"/agents?{query}&limit=1&sort={sort}")
    plans = [
        plan_of(said)
        for said in statements
        if "agent_facets" in said.text or "tallies" in said.text
    ]
    *_, count, page = plans
    found = page[: page.index("SCAN anon_1")]
    assert not [step for step in found if "TEMP B-TREE" in step]
    assert [step for step in found if step.startswith("CORRELATED")]
    by_facet = "SEARCH agent_facets USING PRIMARY KEY (organization_id=? AND name=? AND value=?"
    assert f"{by_facet} AND agent_id=?)" in found
    assert count == ["SEARCH tallies USING PRIMARY KEY (organization_id=? AND kind=? AND value=?)"]


def test_postgresql_counts_facets_anew_after_many_agents_have_come(cast: Cast) -> None:
    """Without, it gathers all that match for a page: 44 ms instead of 18 with 10,000 agents."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite plans well without")
    db.session.execute(text("ANALYZE"))
    db.session.commit()

    def import_some(name: str) -> float | None:
        items = [{"name": f"{name} {number}", "instructions": "Go."} for number in range(200)]
        answer = cast.api("alice").post("/agents/import", {"agents": items})
        assert answer.status_code == 200
        counted = text("SELECT reltuples FROM pg_class WHERE relname = 'agent_facets'")
        return db.session.scalar(counted)

    assert import_some("First") == 600
    # Counting takes longer than these, of which there are few beside those that are known.
    db.session.execute(text("UPDATE pg_class SET reltuples = 100000 WHERE relname = 'agents'"))
    db.session.commit()
    assert import_some("Second") == 600
    db.session.execute(text("ANALYZE agents"))
    db.session.commit()
    assert import_some("Third") == 1800
