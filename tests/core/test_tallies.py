"""How many rows there are: kept by triggers, the same as counted anew, and never waited for."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from tests.cast import Api, Cast
from tests.factories import make_agent
from webapp.agents.models import Agent, AgentFacet
from webapp.core import tallies
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.tallies import Tally
from webapp.documents.models import Document

Counted = dict[tuple[str, str, str], int]


@pytest.fixture
def api(cast: Cast) -> Api:
    return cast.api("alice")


def kept() -> Counted:
    db.session.rollback()
    each = select(Tally.organization_id, Tally.kind, Tally.value, func.sum(Tally.count))
    rows = db.session.execute(each.group_by(Tally.organization_id, Tally.kind, Tally.value))
    return {(owner.hex, kind, value): count for owner, kind, value, count in rows if count}


def true() -> Counted:
    db.session.rollback()
    found: Counter[tuple[str, str, str]] = Counter()
    for agent in db.session.scalars(select(Agent).where(Agent.is_active)):
        pairs = {("tool", tool) for tool in agent.tools}
        pairs |= {("status", agent.status), ("modality", agent.modality)}
        pairs |= {("model", agent.model_key)}
        found.update((agent.organization_id.hex, f"agent.{name}", value) for name, value in pairs)
    for owner, status in db.session.execute(select(Document.organization_id, Document.status)):
        found[owner.hex, "document.status", status] += 1
    return dict(found)


def document(actor: Actor, title: str, status: str = "ready") -> dict[str, object]:
    return {
        "id": uuid4(), "organization_id": actor.organization_id, "title": title, "content": title,
        "content_type": "text/plain", "file_size": 1, "checksum": "0", "status": status,
    }  # fmt: skip


def test_tallies_are_true_after_every_write_of_agents(api: Api, cast: Cast) -> None:
    def check(count: int) -> None:
        assert kept() == true()
        assert tallies.total("agent.status", cast.actor("alice").organization_id) == count
        assert api.get("/agents?limit=1").headers["X-Total-Count"] == str(count)

    tools = ["search", 'a"b', "é \\ 한국", "search", "x, y"]
    api.post("/agents", {"name": "A", "instructions": "Help.", "tools": tools, "model": "GPT-4.1"})
    api.post("/agents", {"id": "spawned", "system_prompt": "Help.", "tools": ["mail"]})
    cast.api("charlie").post("/agents", {"name": "A", "instructions": "Help.", "tools": ["mail"]})
    check(2)
    api.post("/agents/a/duplicate")
    items = [{"name": f"I{n}", "instructions": "Help.", "tools": ["sql"] * (n % 2)} for n in (1, 2)]
    api.post("/agents/import", {"agents": items})
    check(5)
    api.request("PUT", "/agents/a", {"tools": ["mail", "search"], "model": "claude"})
    api.request("PATCH", "/agents/a", {"name": "Renamed", "paused": True})
    api.request("PATCH", "/agents/bulk", {"filter": {"tool": "sql"}, "changes": {"tools": []}})
    check(5)
    api.post("/agents/a/versions/1/rollback")
    api.post("/agents/a/versions/1/publish", {})
    check(5)
    assert api.get("/agents?status=published&limit=1").headers["X-Total-Count"] == "1"
    api.delete("/agents/a")
    check(4)
    api.request("PUT", "/agents/spawned", {"tools": ["mail", "sql"]})
    api.post("/agents/a/restore")
    check(5)
    api.request("DELETE", "/agents/bulk", {"filter": {"q": "I"}})
    api.delete("/agents/a?permanent=true&force=true")
    assert kept() == true()
    left = db.session.scalars(select(Agent.handle).where(Agent.is_active)).all()
    for handle in left:
        api.delete(f"/agents/{handle}?permanent=true&force=true")
    assert kept() == true()


def test_tallies_are_true_after_what_passes_the_services(
    cast: Cast, alice: Actor, charlie: Actor
) -> None:
    for number in range(3):
        make_agent(alice, name=f"A{number}", tools=["search"])
    make_agent(charlie, name="A9", tools=["search"])
    db.session.execute(update(Agent).values(tools=["mail", "sql", "mail"], model_key="m"))
    db.session.commit()
    assert kept() == true() != {}
    states = ["ready", "pending", "ready", "failed"]
    documents = [document(alice, f"D{at}", state) for at, state in enumerate(states)]
    db.session.execute(insert(Document), [*documents, document(charlie, "Theirs")])
    db.session.commit()
    assert kept() == true()
    db.session.execute(update(Document).where(Document.status == "pending").values(status="ready"))
    db.session.execute(update(Document).values(title="Another"))
    db.session.execute(delete(Document).where(Document.status == "failed"))
    db.session.commit()
    assert kept() == true()
    assert tallies.total("document.status", alice.organization_id, ["ready"]) == 3
    db.session.execute(delete(AgentFacet))
    db.session.execute(delete(Document))
    assert tallies.total("document.status", alice.organization_id) == 0
    db.session.rollback()
    assert tallies.total("document.status", alice.organization_id) == 3
    assert kept() == true()


def test_the_list_of_documents_tells_how_many_there_are(api: Api, alice: Actor) -> None:
    for number in range(3):
        api.post("/documents", {"title": f"D{number}", "content": "Text."})
    db.session.execute(insert(Document), [document(alice, "Bad", "failed")])
    db.session.commit()

    def counted(query: str) -> str:
        return str(api.get(f"/documents?limit=1&{query}").headers["X-Total-Count"])

    assert [counted(query) for query in ("", "sort=title", "status=ready", "status=failed")] == [
        "4", "4", "3", "1"
    ]  # fmt: skip
    assert (counted("q=D"), counted("q=d1&status=ready"), counted("status=pending")) == (
        "4", "1", "0"
    )  # fmt: skip


def test_writers_do_not_wait_for_each_other_on_postgresql(cast: Cast, alice: Actor) -> None:
    """While two add, and take together what is there, neither stands in the other's way."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer")
    add = text("SELECT tally(:owner, 'document.status', 'ready', 1) FROM generate_series(1, 200)")
    owner = alice.organization_id
    with db.engine.connect() as one, db.engine.connect() as other:
        for connection in (one, other, one, other):
            connection.execute(text("SET LOCAL lock_timeout = '2s'"))
            connection.execute(add, {"owner": owner})
        assert tallies.total("document.status", owner) == 0
        one.commit()
        db.session.rollback()
        assert tallies.total("document.status", owner) == 400
        other.execute(add, {"owner": owner})
        other.rollback()
        other.execute(add, {"owner": owner})
        other.commit()
    db.session.rollback()
    assert tallies.total("document.status", owner) == 600
    # Of six hundred, each takes together with a chance of three in a hundred.
    assert (db.session.scalar(select(func.count()).select_from(Tally)) or 0) < 600
