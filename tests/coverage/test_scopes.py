"""The topics that an agent knows about: chosen, changed, shared, forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select

from tests.cast import Cast
from tests.coverage.physics import Ids, about, make_agent
from tests.factories import make_document
from webapp.agents import deletion
from webapp.agents import services as agents
from webapp.core import clock, retention
from webapp.core.actor import Actor
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.coverage import refresh
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.changes import forget_unused
from webapp.coverage.scopes.schemas import ScopeRequest
from webapp.taxonomies import editing
from webapp.taxonomies.models import Scope, ScopeRoot
from webapp.taxonomies.references import find_roots


def test_agents_with_the_same_topics_share_a_scope(alice: Actor, ids: Ids) -> None:
    one = make_agent(alice, ids["Heat"], ids["Wings"])
    other = make_agent(alice, ids["Wings"], ids["Heat"], ids["Heat"])
    assert one.scope_id == other.scope_id
    copy = agents.duplicate_agent(one.id, actor=alice)
    assert (copy.scope_id, copy.taxonomy_node_ids) == (one.scope_id, one.taxonomy_node_ids)


def test_a_scope_that_an_agent_takes_while_it_is_swept_stays(
    app: APIFlask, alice: Actor, ids: Ids
) -> None:
    agent_id = make_agent(alice, ids["Heat"]).id
    choose(alice, agent_id, ids["Wings"])  # nobody has the scope of Heat any more

    def sweep() -> None:
        with app.app_context():
            retention.sweep()

    with ThreadPoolExecutor(1) as pool:
        scope = scopes.find_or_create_scope("1.0.0", [ids["Heat"]], actor=alice)
        assert scope is not None
        swept = pool.submit(sweep)
        wait([swept], timeout=1)  # long enough for a sweep that would not wait
        agent = agents.get_agent(agent_id, actor=alice, lock=True)
        scopes.assign_scope(agent, scope, [ids["Heat"]], "1.0.0")
        db.session.commit()
        swept.result(timeout=60)
    # Only the one of Wings is gone.
    assert db.session.scalars(select(Scope.id)).all() == [scope.id]
    assert agents.get_agent(agent_id, actor=alice).scope_id == scope.id


def test_an_agent_that_takes_a_scope_while_it_goes_gets_a_new_one(
    app: APIFlask, alice: Actor, ids: Ids
) -> None:
    agent_id = make_agent(alice, ids["Heat"]).id
    about(alice, ids["Heat"], count=3)
    old = agents.get_agent(agent_id, actor=alice).scope_id
    choose(alice, agent_id, ids["Wings"])

    def take() -> None:
        with app.app_context():
            choose(alice, agent_id, ids["Heat"])

    with ThreadPoolExecutor(1) as pool:
        assert forget_unused(clock.now(), 10) == 1
        taken = pool.submit(take)
        wait([taken], timeout=1)  # long enough for one who would not wait
        db.session.commit()
        taken.result(timeout=60)
    agent = agents.get_agent(agent_id, actor=alice)
    scope = db.session.scalars(select(Scope).where(Scope.id == agent.scope_id)).one()
    assert scope.id != old
    assert (scope.document_count, len(find_roots(scope.id))) == (3, 1)


def choose(actor: Actor, agent_id: UUID, *topics: UUID) -> None:
    body = ScopeRequest(taxonomy_node_ids=list(topics), taxonomy_version="1.0.0")
    scopes.set_scope(agent_id, body, actor=actor)


def test_a_scope_may_change_and_be_taken_away(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    about(alice, ids["Wings"], count=2)
    api = cast.api("alice")
    body = {"taxonomy_node_ids": [str(ids["Wings"])], "taxonomy_version": "1.0.0"}
    changed = api.put(f"/agents/{agent.id}/scope", body).json
    assert changed["taxonomy_node_ids"] == [str(ids["Wings"])]
    assert (changed["coverage_percent"], changed["current_version"]) == (50.0, 1)
    free = api.put(f"/agents/{agent.id}/scope", {"taxonomy_node_ids": []}).json
    assert (free["taxonomy_node_ids"], free["taxonomy_version"]) == ([], None)
    unknown = {"taxonomy_node_ids": [str(uuid4())]}
    assert api.put(f"/agents/{agent.id}/scope", unknown).status_code == 400
    stale = api.put(f"/agents/{agent.id}/scope", body, headers={"If-Match": '"v9-1"'})
    assert stale.status_code == 412


def test_a_choice_of_topics_does_not_overwrite_one_that_it_does_not_know(
    cast: Cast, alice: Actor, ids: Ids
) -> None:
    agent = make_agent(alice, ids["Heat"])
    api = cast.api("alice")
    path = f"/agents/{agent.id}/scope"
    read = {"If-Match": api.get(f"/agents/{agent.id}").headers["ETag"]}
    first = api.put(path, {"taxonomy_node_ids": [str(ids["Wings"])]}, headers=read)
    assert first.status_code == 200
    second = api.put(path, {"taxonomy_node_ids": []}, headers=read)
    assert (second.status_code, second.json["code"]) == (412, "stale_scope")
    now = api.get(f"/agents/{agent.id}").headers["ETag"]
    assert second.headers["ETag"] == second.json["extras"]["etag"] == now
    db.session.refresh(agent)
    assert agent.taxonomy_node_ids == [ids["Wings"]]
    # What is counted of the agent changes by itself, and makes no choice stale.
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    for known in (now, '"v1"', "*", f'{read["If-Match"]}, "v1-9999"'):
        again = api.put(path, {"taxonomy_node_ids": []}, headers={"If-Match": known})
        assert again.status_code == 200, known


def test_scopes_that_no_agent_has_are_forgotten(
    alice: Actor, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, gone = make_agent(alice, ids["Heat"]), make_agent(alice, ids["Physics"])
    copy = agents.duplicate_agent(agent.id, actor=alice)
    for name in ("Wings", "Cooking", "Wings", "Cooking"):
        scopes.set_scope(agent.id, ScopeRequest(taxonomy_node_ids=[ids[name]]), actor=alice)
    other = ScopeRequest(taxonomy_node_ids=[ids["Wings"], ids["Heat"]])
    scopes.set_scope(agent.id, other, actor=alice)
    deletion.delete_agent(gone.id, actor=alice)
    monkeypatch.setattr(retention, "BATCH", 1)
    more = [retention.sweep() for _ in range(3)]
    assert more == [True, True, False]
    kept = set(db.session.scalars(select(Scope.id)))
    assert kept == {copy.scope_id, gone.scope_id, agent.scope_id}
    assert set(db.session.scalars(select(ScopeRoot.scope_id))) == kept


def test_the_extent_of_topics_can_be_asked_for(cast: Cast, alice: Actor, ids: Ids) -> None:
    about(alice, ids["Wings"], ids["Heat"])
    make_document(alice)
    api = cast.api("vera")
    chosen = {"taxonomy_node_ids": [str(ids["Physics"])]}
    assert api.post("/knowledge/scope", chosen).json == {
        "taxonomy_version": "1.0.0", "node_count": 3, "document_count": 1, "chunk_count": 1,
    }  # fmt: skip
    everything = api.post("/knowledge/scope", {"taxonomy_node_ids": []}).json
    assert everything["document_count"] == 2
    assert db.session.scalar(select(func.count()).select_from(Scope)) == 0
    assert db.session.scalar(select(func.count()).select_from(ScopeRoot)) == 0


def test_deleting_a_taxonomy_in_use_is_refused(alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    with pytest.raises(Conflict, match=agent.handle):
        editing.delete_taxonomy("1.0.0", actor=alice)
