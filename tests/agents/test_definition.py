"""How a definition is stored, and the sample that `make seed` adds.

See docs/contract/agents.md, 6.1 and 6.10.
"""

from __future__ import annotations

from apiflask import APIFlask
from sqlalchemy import inspect

from tests.factories import make_agent
from tests.statements import noted
from webapp.agents import services
from webapp.agents.schemas import AgentQuery
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.overview import samples


def test_lists_are_native_arrays_on_postgresql(app: APIFlask) -> None:
    # And JSON on SQLite, which has no arrays.
    is_postgresql = db.engine.dialect.name == "postgresql"
    types = {column["name"]: column["type"] for column in inspect(db.engine).get_columns("agents")}
    written = {
        name: types[name].compile(db.engine.dialect)
        for name in ("handoff_targets", "tools", "panels")
    }
    words = "VARCHAR[]" if is_postgresql else "JSON"
    ids = "UUID[]" if is_postgresql else "JSON"
    assert written == {"handoff_targets": ids, "tools": words, "panels": words}


def test_the_seed_makes_its_agents_once(alice: Actor) -> None:
    assert samples.seed(alice).startswith("Sample data: 3 agents")
    assert samples.seed(alice).startswith("Sample data: 0 agents")
    found = services.list_agents(AgentQuery(sort="name"), actor=alice)
    assert [agent.name for agent in found.items] == [
        "Callboard Guide", "Coding Expert", "Triage Agent"
    ]  # fmt: skip
    triage = services.get_agent("triage-agent", actor=alice)
    assert len(services.handoff_agents(triage)) == 2


def test_a_page_of_the_list_takes_a_fixed_number_of_queries(alice: Actor) -> None:
    totals = []
    for number in range(3):
        make_agent(alice, name=f"n{number}")
        db.session.expire_all()
        with noted() as statements:
            assert len(services.list_agents(AgentQuery(q="n"), actor=alice).items) == number + 1
        totals.append(len(statements))
    assert totals == [2, 2, 2]  # what holds the text is counted first
