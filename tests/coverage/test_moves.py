"""From one version of the taxonomy to the next: what becomes of topics, documents and agents."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_document
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import services as coverage
from webapp.coverage import targets
from webapp.coverage.figures import get_figures
from webapp.coverage.moves import moving
from webapp.coverage.moves import services as moves
from webapp.coverage.moves.matching import match_topics, select_documents
from webapp.coverage.moves.schemas import MoveRequest
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.documents import indexing
from webapp.documents.models import DocumentNode
from webapp.documents.topics.changes import add_topics
from webapp.tasks import running
from webapp.tasks import services as tasks
from webapp.tasks.models import Task
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import Taxonomy, TaxonomyNode
from webapp.taxonomies.schemas import TaxonomyRequest

Ids = dict[str, UUID]


def grow(actor: Actor, version: str, *paths: str) -> Ids:
    """A version with these paths ("Physics > Heat"); its node ids by path."""
    nodes = [{"path": path.split(" > ")} for path in paths]
    body = TaxonomyRequest.model_validate({"version": version, "nodes": nodes})
    grown = taxonomies.extend_taxonomy(body, actor=actor)
    return {" > ".join(node.canonical_path): node.node_id for node in grown.nodes}


@pytest.fixture
def old(alice: Actor) -> Ids:
    return grow(alice, "1.0.0", "Physics > Heat", "Physics > Wings", "Machines", "Alchemy")


@pytest.fixture
def new(alice: Actor, old: Ids) -> Ids:
    """Heat stays, Wings hang elsewhere, Machines are called otherwise, Alchemy is gone."""
    return grow(alice, "2.0.0", "Physics > Heat", "Flight > Wings", "Engines", "Chemistry")


def make_agent(actor: Actor, name: str, *node_ids: UUID, version: str = "1.0.0") -> Agent:
    body = FromTaxonomyRequest(
        name=name, taxonomy_node_ids=list(node_ids), taxonomy_version=version
    )
    return scopes.create_agent(body, actor=actor)


def about(actor: Actor, node_id: UUID, title: str) -> UUID:
    return make_document(actor, title=title, nodes=[node_id]).id


def move(actor: Actor, **fields: Any) -> Task:
    """Start a move to 2.0.0, and do what a worker does."""
    body = MoveRequest.model_validate({"start": "1.0.0", **fields})
    task = moves.start_move("2.0.0", body, actor=actor)
    running.run_task(task.id)
    done = db.session.get(Task, task.id, populate_existing=True)
    assert done is not None
    return done


def topics_of(document_id: UUID) -> set[UUID]:
    links = select(DocumentNode).where(
        DocumentNode.document_id == document_id, DocumentNode.is_counted
    )
    return {link.public_id for link in db.session.scalars(links)}


def problem_count(actor: Actor) -> int:
    """Of the index and of all kept counts."""
    task = indexing.start_check(actor=actor)
    running.run_task(task.id)
    done = db.session.get(Task, task.id, populate_existing=True)
    assert done is not None
    assert done.result is not None
    return int(done.result["problem_count"])


def test_the_preview_says_what_becomes_of_each_topic(
    cast: Cast, alice: Actor, old: Ids, new: Ids
) -> None:
    about(alice, old["Machines"], "Lathe")
    make_agent(alice, "Physicist", old["Physics"])
    make_agent(alice, "Alchemist", old["Alchemy"])
    make_agent(alice, "Chemist", new["Chemistry"], version="2.0.0")
    found = cast.api("alice").post("/taxonomies/2.0.0/moves/preview", {"start": "1.0.0"}).json
    assert (found["kept_count"], found["document_count"], found["agent_count"]) == (2, 0, 2)
    changed = {item["path"][-1]: item for item in found["changed"]}
    assert set(changed) == {"Wings", "Machines", "Alchemy"}
    assert (changed["Wings"]["new_path"], changed["Wings"]["reason"]) == (
        ["Flight", "Wings"],
        "label",
    )
    assert (changed["Machines"]["new_path"], changed["Machines"]["document_count"]) == (None, 1)
    # What would lose documents stands first.
    assert found["changed"][0]["path"] == ["Machines"]
    by_name = {item["name"]: item for item in found["agents"]}
    assert by_name["Physicist"]["moves"]
    assert (by_name["Alchemist"]["moves"], by_name["Alchemist"]["lost"]) == (False, [["Alchemy"]])
    assert db.session.scalar(select(Task.id).where(Task.task_type == moves.TASK_TYPE)) is None


def test_the_database_finds_what_changes_as_the_task_does(alice: Actor) -> None:
    """Long paths, whose keys are cut, namesakes, labels that several have, and renamed topics."""
    long = "a" * 255, "b" * 255
    ids = [UUID(int=number) for number in range(1, 9)]
    versions: dict[str, list[Any]] = {
        "1.0.0": [
            *({"node_id": node_id, "label": "Twin"} for node_id in ids[:2]),
            *({"node_id": node_id, "label": label} for node_id, label in zip(
                ids[2:4], ("Lone", "Pair"), strict=True)),
            [*long, "c"], [*long, "e"], ["Tea", "Green"], ["Tea", "Cold"], ["Soup", "Cold"],
            ["Herbs", "Mint"], ["Herbs", "Sage"], ["Salt", "Sea"],
        ],
        "2.0.0": [
            *({"node_id": node_id, "label": "Twin"} for node_id in ids[5:3:-1]),
            *({"node_id": node_id, "label": "Pair"} for node_id in ids[6:]),
            [*long, "c"], [*long, "d", "e"], ["Drinks", "Green"], ["Ice", "Cold"], ["Lone", "Mint"],
            ["Spice", "Sage"], ["Salt\x1fSea"], ["Tea"], ["Other", "Twin"], ["Other", "Soup"],
        ],
    }  # fmt: skip
    for version, items in versions.items():
        nodes = [item if isinstance(item, dict) else {"path": item} for item in items]
        body = TaxonomyRequest.model_validate({"version": version, "nodes": nodes})
        taxonomies.extend_taxonomy(body, actor=alice)
    known = {
        tuple(node.canonical_path): node.public_id
        for node in db.session.scalars(
            select(TaxonomyNode).join(Taxonomy).where(Taxonomy.version == "1.0.0")
        )
    }
    for number, path in enumerate([("Tea", "Green"), ("Tea", "Cold"), ("Soup", "Cold")]):
        for _ in range(number + 1):
            about(alice, known[path], " ".join(path))
    make_document(alice, title="Both", nodes=[known["Tea", "Green"], known["Tea", "Cold"]])
    lost = [known["Soup", "Cold"], known["Tea", "Green"], ids[0], ids[1]]
    make_agent(alice, "Cook", *lost)
    for renames in (
        [],
        [{"start": ["Tea", "Cold"], "end": ["Ice", "Cold"]},
         {"start": ["Tea", "Green"], "end": None}],
        [{"start": ["Twin"], "end": ["Spice", "Sage"]}, {"start": ["Soup"], "end": ["Other"]}],
    ):  # fmt: skip
        body = MoveRequest.model_validate({"start": "1.0.0", "renames": renames})
        _, match = match_topics("2.0.0", "1.0.0", body.renames, actor=alice)
        found = moves.preview_move("2.0.0", body, actor=alice)
        expected = {
            match.public_ids[node_id]: (
                path,
                match.public_ids[new] if (new := match.successors.get(node_id)) else None,
                match.new_paths[new] if new else None,
                match.reasons.get(node_id),
            )
            for node_id, path in match.paths.items()
            if match.reasons.get(node_id) != "path"
        }
        assert {
            item.node_id: (item.path, item.new_id, item.new_path, item.reason)
            for item in found.changed
        } == expected
        assert len(found.changed) == found.changed_count == len(expected)
        assert found.kept_count == sum(1 for reason in match.reasons.values() if reason == "path")
        order = [(bool(item.reason), -item.document_count) for item in found.changed]
        assert order == sorted(order)
        about_some = select_documents(match, is_about=True)
        assert found.document_count == len(set(db.session.scalars(about_some)))
        kept = {match.public_ids[node_id] for node_id in match.successors}
        (cook,) = found.agents
        assert cook.kept_count == len(kept.intersection(lost))
        assert len(cook.lost) == len(lost) - cook.kept_count
        some = moves.preview_move("2.0.0", body, actor=alice, limit=3)
        assert some.changed == found.changed[:3]
        assert (some.changed_count, some.document_count) == (
            found.changed_count,
            found.document_count,
        )
        assert some.agents == found.agents


def test_of_very_many_documents_a_page_tells_the_sum_over_their_topics(
    alice: Actor, browser: Browser, old: Ids, new: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    for topics in (["Physics > Heat", "Physics > Wings"], ["Physics > Heat"], ["Machines"]):
        make_document(alice, title=topics[0], nodes=[old[topic] for topic in topics])
    # The document about two topics is one.
    assert "2 documents will be about" in browser.get("/taxonomies/2.0.0/move").text()
    assert move(alice).result["documents"] == 2
    monkeypatch.setattr(moves, "MAX_COUNTED", 2)
    again = browser.get("/taxonomies/2.0.0/move?start=1.0.0").text()
    assert "About 3 documents will be about" in again


def test_topics_of_one_path_become_the_first_of_that_path(alice: Actor) -> None:
    for version, ids in (("1.0.0", (3, 4)), ("2.0.0", (6, 5))):
        nodes = [{"node_id": UUID(int=number), "label": "Physics"} for number in ids]
        body = TaxonomyRequest.model_validate({"version": version, "nodes": nodes})
        taxonomies.extend_taxonomy(body, actor=alice)
    documents = [about(alice, UUID(int=number), f"Text {number}") for number in (3, 4)]
    assert (move(alice).result or {})["documents"] == 2
    for number, document_id in zip((3, 4), documents, strict=True):
        assert topics_of(document_id) == {UUID(int=number), UUID(int=5)}


def test_the_preview_counts_the_documents_that_will_be_about_a_successor(
    cast: Cast, alice: Actor, old: Ids, new: Ids
) -> None:
    about(alice, old["Physics > Heat"], "Heat pumps")
    about(alice, old["Physics > Wings"], "Wings")
    about(alice, old["Alchemy"], "Gold")
    proposed = make_document(alice, title="Glider").id
    wings = taxonomies.get_node(old["Physics > Wings"], actor=alice).id
    add_topics([(proposed, wings, 0.9)], is_proposed=True)
    db.session.commit()
    found = cast.api("alice").post("/taxonomies/2.0.0/moves/preview", {"start": "1.0.0"}).json
    assert found["document_count"] == 2
    assert move(alice).result["documents"] == 2


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


def test_an_admin_previews_renames_and_moves_on_the_page(
    alice: Actor, browser: Browser, old: Ids, new: Ids
) -> None:
    about(alice, old["Machines"], "Lathe")
    mechanic = make_agent(alice, "Mechanic", old["Machines"])
    physicist = make_agent(alice, "Physicist", old["Physics"])
    assert "Move agents to 2.0.0" in browser.get("/taxonomies/2.0.0").text()
    page = browser.get("/taxonomies/2.0.0/move")
    assert "0 documents will be about" in page.text()
    assert "no successor" in page.text()
    field = f"to-{old['Machines']}"
    listed = {"start": "1.0.0", "listed": str(physicist.id)}
    wrong = browser.post("/taxonomies/2.0.0/move", {**listed, field: "Nowhere"}, status=422)
    assert "There is no topic Nowhere in 2.0.0." in wrong.text()
    again = browser.post("/taxonomies/2.0.0/move/preview", {**listed, field: "Engines"})
    assert "as you say" in again.text()
    assert "1 document will be about" in again.text()
    # The physicist was unticked and stays so; the mechanic can move now and is ticked.
    boxes = {
        box.attributes["value"]: "checked" in box.attributes for box in again.css("[name=agent]")
    }
    assert boxes == {str(physicist.id): False, str(mechanic.id): True}
    data = {"start": "1.0.0", "listed": str(mechanic.id), "agent": str(mechanic.id)}
    browser.post("/taxonomies/2.0.0/move", {**data, field: "Engines"}, status=303)
    task = db.session.scalars(select(Task).where(Task.task_type == moves.TASK_TYPE)).one()
    running.run_task(task.id)
    db.session.expire_all()
    assert mechanic.taxonomy_node_ids == [new["Engines"]]
    assert physicist.taxonomy_version == "1.0.0"


def test_with_one_version_there_is_nothing_to_move(browser: Browser, old: Ids) -> None:
    assert "No other version" in browser.get("/taxonomies/1.0.0/move").text()
    browser.get("/taxonomies/9.9.9/move", status=404)


def test_a_new_version_says_who_still_uses_the_older_one(
    alice: Actor, browser: Browser, old: Ids, new: Ids
) -> None:
    assert not browser.get("/taxonomies/2.0.0").css(".notice"), "nobody uses a version"
    for title in ("Warm", "Warmer"):
        make_document(alice, title=title, nodes=[old["Physics > Heat"], old["Physics"]])
    page = browser.get("/taxonomies/2.0.0")
    assert words_of(page.css_first(".notice")).startswith("2 documents still use 1.0.0.")
    make_agent(alice, "Heater", old["Physics > Heat"])
    grow(alice, "3.0.0", "Physics > Heat")
    for version in ("2.0.0", "3.0.0"):
        page = browser.get(f"/taxonomies/{version}")
        said = words_of(page.css_first(".notice"))
        assert said == f"2 documents and 1 agent still use 1.0.0. Move agents to {version}"
        link = page.css_first(".notice a").attributes["href"]
        assert link == f"/taxonomies/{version}/move?start=1.0.0"
    task = move(alice)
    assert not browser.get("/taxonomies/2.0.0").css(".notice"), "all have moved"
    assert not browser.get("/taxonomies/1.0.0").css(".notice")
    page = browser.get(f"/tasks/{task.id}")
    assert {link.attributes["href"] for link in page.css("main .actions a")} >= {
        "/taxonomies/2.0.0", "/taxonomies/2.0.0/compare?from=1.0.0"
    }  # fmt: skip


def test_one_agent_still_uses_a_version(alice: Actor, browser: Browser, old: Ids, new: Ids) -> None:
    make_agent(alice, "Heater", old["Physics > Heat"])
    about(alice, new["Engines"], "Engine")
    notice = browser.get("/taxonomies/2.0.0").css_first(".notice")
    assert words_of(notice).startswith("1 agent still uses 1.0.0.")
