"""From one version of the taxonomy to the next: what becomes of topics, documents and agents."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.cast import Cast
from tests.coverage.moves.versions import Ids, about, make_agent, move, problem_count, topics_of
from tests.factories import make_document
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import services as coverage
from webapp.coverage import targets
from webapp.coverage.figures import get_figures
from webapp.coverage.moves import moving
from webapp.coverage.moves import services as moves
from webapp.coverage.moves.schemas import MoveRequest
from webapp.documents.models import DocumentNode
from webapp.documents.topics.changes import add_topics
from webapp.tasks import running
from webapp.tasks import services as tasks
from webapp.tasks.models import Task
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest


def test_topics_of_one_path_become_the_first_of_that_path(alice: Actor) -> None:
    for version, ids in (("1.0.0", (3, 4)), ("2.0.0", (6, 5))):
        nodes = [{"node_id": UUID(int=number), "label": "Physics"} for number in ids]
        body = TaxonomyRequest.model_validate({"version": version, "nodes": nodes})
        taxonomies.extend_taxonomy(body, actor=alice)
    documents = [about(alice, UUID(int=number), f"Text {number}") for number in (3, 4)]
    assert (move(alice).result or {})["documents"] == 2
    for number, document_id in zip((3, 4), documents, strict=True):
        assert topics_of(document_id) == {UUID(int=number), UUID(int=5)}


def test_agents_and_documents_move_and_know_as_much_as_before(
    alice: Actor, old: Ids, new: Ids
) -> None:
    heat = about(alice, old["Physics > Heat"], "Heat pumps")
    wing = about(alice, old["Physics > Wings"], "Wings")
    lathe = about(alice, old["Machines"], "Lathe")
    physicist = make_agent(alice, "Physicist", old["Physics > Heat"], old["Physics > Wings"])
    mechanic = make_agent(alice, "Mechanic", old["Machines"], old["Alchemy"])
    alchemist = make_agent(alice, "Alchemist", old["Alchemy"])
    targets.set_targets(physicist.id, {old["Physics > Heat"]: 3}, actor=alice)
    before = coverage.get_coverage(physicist.id, actor=alice)

    done = move(alice, renames=[{"start": ["Machines"], "end": ["Engines"]}])

    assert (done.status, done.progress_percent) == ("completed", 100)
    stayed = [{"agent_id": str(alchemist.id), "name": "Alchemist"}]
    assert done.result == {"documents": 3, "agents": 2, "stayed": stayed}
    assert topics_of(heat) == {old["Physics > Heat"], new["Physics > Heat"]}
    assert topics_of(wing) == {old["Physics > Wings"], new["Flight > Wings"]}
    assert topics_of(lathe) == {old["Machines"], new["Engines"]}
    after = coverage.get_coverage(physicist.id, actor=alice)
    assert (after.version, after.overall_coverage, after.total_documents) == (
        "2.0.0",
        before.overall_coverage,
        2,
    )
    assert after.target_counts[str(new["Physics > Heat"])] == 3
    db.session.expire_all()
    assert mechanic.taxonomy_node_ids == [new["Engines"]]
    # Without topics it would answer from everything: it stays.
    assert (alchemist.taxonomy_version, alchemist.taxonomy_node_ids) == ("1.0.0", [old["Alchemy"]])
    assert problem_count(alice) == 0


def test_moving_again_changes_nothing_and_moving_back_is_possible(
    alice: Actor, old: Ids, new: Ids
) -> None:
    heat = about(alice, old["Physics > Heat"], "Heat pumps")
    agent = make_agent(alice, "Physicist", old["Physics > Heat"])
    move(alice)
    again = move(alice)
    assert again.result == {"documents": 1, "agents": 0, "stayed": []}
    assert topics_of(heat) == {old["Physics > Heat"], new["Physics > Heat"]}
    back = moves.start_move("1.0.0", MoveRequest(start="2.0.0"), actor=alice)
    running.run_task(back.id)
    db.session.expire_all()
    assert agent.taxonomy_node_ids == [old["Physics > Heat"]]
    assert problem_count(alice) == 0


def test_only_the_named_agents_move(alice: Actor, old: Ids, new: Ids) -> None:
    chosen = make_agent(alice, "Chosen", old["Physics > Heat"])
    other = make_agent(alice, "Other", old["Physics > Heat"])
    assert move(alice, agent_ids=[str(chosen.id), str(uuid4())]).result["agents"] == 1
    db.session.expire_all()
    assert (chosen.taxonomy_version, other.taxonomy_version) == ("2.0.0", "1.0.0")
    assert move(alice, agent_ids=[]).result["agents"] == 0


def test_what_somebody_said_wins_over_a_proposal(alice: Actor, old: Ids, new: Ids) -> None:
    document_id = about(alice, old["Physics > Heat"], "Heat pumps")
    topic = lambda node_id: taxonomies.get_node(node_id, actor=alice).id
    add_topics([(document_id, topic(new["Physics > Heat"]), 0.4)], is_proposed=True)
    only_proposed = make_document(alice, title="Glider").id
    add_topics([(only_proposed, topic(old["Physics > Wings"]), 0.5)], is_proposed=True)
    db.session.commit()
    done = move(alice)
    assert done.result["documents"] == 1  # The other one is about nothing yet.
    assert new["Physics > Heat"] in topics_of(document_id)
    assert topics_of(only_proposed) == set()
    kept = db.session.get(DocumentNode, (only_proposed, topic(new["Flight > Wings"])))
    assert kept is not None
    assert (kept.is_proposed, kept.confidence) == (True, 0.5)
    assert problem_count(alice) == 0


def test_a_move_goes_on_after_a_kill_and_can_be_cancelled(
    alice: Actor, old: Ids, new: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        about(alice, old["Physics > Heat"], f"Heat {number}")
    agent = make_agent(alice, "Physicist", old["Physics > Heat"])
    monkeypatch.setattr(moving, "BATCH_DOCUMENTS", 2)
    task = moves.start_move("2.0.0", MoveRequest(start="1.0.0"), actor=alice)
    real, calls = moving._add_successors, []

    def dies(*args: Any) -> None:
        calls.append(args[1])
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(moving, "_add_successors", dies)
    with pytest.raises(KeyboardInterrupt):
        running.run_task(task.id)
    db.session.rollback()
    half = db.session.get(Task, task.id, populate_existing=True)
    assert half is not None
    assert (half.status, half.result["documents"]) == ("running", 2)
    with pytest.raises(moves.Conflict, match="under way"):
        moves.start_move("2.0.0", MoveRequest(start="1.0.0"), actor=alice)

    running.run_task(task.id)
    db.session.expire_all()
    assert (task.status, task.result["documents"]) == ("completed", 5)
    assert get_figures(agent).total_documents == 5
    assert [len(ids) for ids in calls] == [2, 2, 2, 1]
    assert problem_count(alice) == 0

    stopped = moves.start_move("1.0.0", MoveRequest(start="2.0.0"), actor=alice)
    tasks.cancel_task(stopped.id, actor=alice)
    running.run_task(stopped.id)
    db.session.expire_all()
    assert (stopped.status, agent.taxonomy_version) == ("cancelled", "2.0.0")


@pytest.mark.parametrize(("body", "status", "code"), [
    ({"start": "2.0.0"}, 422, "same_version"),
    ({"start": "9.0.0"}, 404, "not_found"),
    ({"start": "latest"}, 422, None),
    ({}, 422, None),
    ({"start": "1.0.0", "renames": [{"start": ["Magic"], "end": ["Engines"]}]}, 400,
     "unknown_nodes"),
    ({"start": "1.0.0", "renames": [{"start": ["Alchemy"], "end": ["Gold"]}]}, 400,
     "unknown_nodes"),
    ({"start": "1.0.0", "agent_ids": ["x"]}, 422, None),
    ({"start": "1.0.0", "everything": True}, 422, None),
])  # fmt: skip
def test_bad_moves_are_refused_and_change_nothing(
    cast: Cast, new: Ids, body: dict[str, Any], status: int, code: str | None
) -> None:
    for path in ("/taxonomies/2.0.0/moves", "/taxonomies/2.0.0/moves/preview"):
        response = cast.api("alice").post(path, body)
        assert response.status_code == status, response.text
        assert code is None or response.json["code"] == code
    assert db.session.scalar(select(Task.id).where(Task.task_type == moves.TASK_TYPE)) is None
