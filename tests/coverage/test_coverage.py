"""Coverage, gaps, targets, history and refresh (docs/contract/knowledge.md)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select, update

from tests.cast import Cast
from tests.factories import make_document
from webapp import index
from webapp.agents import deletion
from webapp.agents import services as agents
from webapp.agents.figures import etag_of, figures_of
from webapp.agents.models import Agent
from webapp.audit.models import AuditEntry
from webapp.core import clock, retention
from webapp.core.actor import Actor
from webapp.core.errors import BadReference, Conflict
from webapp.core.extensions import db
from webapp.core.live import Announcement
from webapp.coverage import pages, refresh, targets
from webapp.coverage import services as coverage
from webapp.coverage.figures import get_figures
from webapp.coverage.models import CoverageRecord
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.changes import forget_unused
from webapp.coverage.scopes.schemas import FromTaxonomyRequest, ScopeRequest
from webapp.documents import services as documents
from webapp.documents.filters import select_documents
from webapp.documents.models import Chunk, Document, DocumentNode
from webapp.documents.schemas import DocumentChanges
from webapp.tasks import running
from webapp.tasks.models import Status, Task
from webapp.taxonomies import editing
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import NodeStat, Scope, ScopeRoot, TaxonomyClosure
from webapp.taxonomies.references import find_roots, select_topics
from webapp.taxonomies.schemas import NodeChanges, TaxonomyRequest
from webapp.webhooks.models import Delivery

Ids = dict[str, UUID]


def grow(actor: Actor, *paths: list[str], version: str = "1.0.0", target: int | None = None) -> Ids:
    """A taxonomy of these paths; its node ids by label."""
    nodes = [{"path": path, "target_documents": target} for path in paths]
    grown = taxonomies.extend_taxonomy(TaxonomyRequest(version=version, nodes=nodes), actor=actor)
    return {node.label: node.node_id for node in grown.nodes}


@pytest.fixture
def ids(alice: Actor) -> Ids:
    return grow(alice, ["Physics", "Wings"], ["Physics", "Heat"], ["Cooking"], target=4)


def make_agent(actor: Actor, *node_ids: UUID, **fields: Any) -> Agent:
    body = FromTaxonomyRequest(name="Physicist", taxonomy_node_ids=list(node_ids), **fields)
    return scopes.create_agent(body, actor=actor)


def about(actor: Actor, *nodes: UUID, count: int = 1, **fields: Any) -> list[Document]:
    return [make_document(actor, nodes=list(nodes), **fields) for _ in range(count)]


def run_task(task_id: str) -> Task:
    """What a worker does with a task."""
    running.run_task(task_id)
    task = db.session.get(Task, task_id, populate_existing=True)
    assert task is not None
    return task


def test_coverage_counts_each_topic_up_to_its_target(alice: Actor, ids: Ids) -> None:
    about(alice, ids["Wings"], count=2)
    about(alice, ids["Heat"], count=5)
    about(alice, ids["Cooking"])
    agent = make_agent(alice, ids["Physics"])

    found = coverage.get_coverage(agent.id, actor=alice)

    # "Physics" has no target of its own, so 10. Heat has 5 of 4: the surplus fills no other gap.
    physics, wings, heat = (str(ids[label]) for label in ("Physics", "Wings", "Heat"))
    assert found.target_counts == {physics: 10, wings: 4, heat: 4}
    assert found.document_counts == {physics: 0, wings: 2, heat: 5}
    assert found.node_coverage == {physics: 0.0, wings: 50.0, heat: 100.0}
    assert found.overall_coverage == round(100 * 6 / 18, 2)
    assert (found.total_documents, found.total_chunks) == (7, 7)
    kept = get_figures(agent)
    assert (kept.coverage_percent, kept.total_documents) == (found.overall_coverage, 7)


@pytest.mark.parametrize(("confidence", "counted"), [(0.7, 1), (0.69, 0), (1.0, 1), (0.0, 0)])
def test_a_document_counts_from_a_confidence_of_seven_tenths(
    alice: Actor, ids: Ids, confidence: float, counted: int
) -> None:
    about(alice, ids["Heat"], confidence=confidence)
    agent = make_agent(alice, ids["Heat"])
    assert coverage.get_coverage(agent.id, actor=alice).document_counts == {
        str(ids["Heat"]): counted
    }
    assert get_figures(agent).total_documents == counted


def test_totals_count_a_document_of_several_topics_once(alice: Actor, ids: Ids) -> None:
    about(alice, ids["Wings"], ids["Heat"])
    both = make_agent(alice, ids["Wings"], ids["Heat"])
    found = coverage.get_coverage(both.id, actor=alice)
    assert sum(found.document_counts.values()) == 2
    assert found.total_documents == 1
    above = make_agent(alice, ids["Physics"])
    assert coverage.get_coverage(above.id, actor=alice).total_documents == 1


def test_reading_writes_nothing(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    etag = etag_of(agent)
    about(alice, ids["Heat"], count=4)
    api = cast.api("vera")
    assert api.get(f"/agents/{agent.id}/coverage").json["overall_coverage"] == 100.0
    db.session.expire_all()
    assert (get_figures(agent).coverage_percent, etag_of(agent)) == (0.0, etag)
    assert db.session.scalar(select(func.count()).select_from(CoverageRecord)) == 0


def test_an_agent_without_a_scope_has_no_coverage(cast: Cast, alice: Actor) -> None:
    body = cast.api("alice").post("/agents", {"name": "Any", "instructions": "Help."}).json
    answer = cast.api("vera").get(f"/agents/{body['id']}/coverage").json
    assert answer["node_coverage"] == {}
    assert (answer["overall_coverage"], answer["version"]) == (0.0, None)
    assert cast.api("vera").get(f"/agents/{body['id']}/gaps").json["gaps"] == []


def recount(
    agent: Agent,
) -> tuple[dict[UUID, tuple[int, int]], tuple[int, int], set[UUID]]:
    """By topic, and for all of the scope: documents and passages, counted from the rows."""
    topics = select_topics(agent.organization_id, agent.taxonomy_node_ids)
    below = {
        row.descendant_id
        for row in db.session.scalars(
            select(TaxonomyClosure).where(TaxonomyClosure.ancestor_id.in_(topics))
        )
    }
    counted = select(Chunk.document_id, func.count()).group_by(Chunk.document_id)
    sizes = {row[0]: row[1] for row in db.session.execute(counted)}
    nodes: dict[UUID, tuple[int, int]] = {}
    everything = set()
    for link in db.session.scalars(select(DocumentNode)):
        if link.node_id in below and link.confidence >= 0.7 and not link.is_proposed:
            count, chunks = nodes.get(link.public_id, (0, 0))
            nodes[link.public_id] = (count + 1, chunks + sizes[link.document_id])
            everything.add(link.document_id)
    totals = len(everything), sum(sizes[key] for key in everything)
    return nodes, totals, everything


def find_all(agent: Agent) -> set[UUID]:
    """The documents that a search for this agent may find."""
    only = select_documents(find_roots(agent.scope_id), None)
    hits = index.search(agent.organization_id, "word", top_k=500, strategy="vector", only=only)
    ids = [hit.chunk_id for hit in hits]
    found = set(db.session.scalars(select(Chunk.document_id).where(Chunk.id.in_(ids))))
    db.session.commit()
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_counts_stay_true_whatever_happens(alice: Actor, seed: int) -> None:
    chance = random.Random(seed)
    paths = [["A", "B", "C"], ["A", "D"], ["E", "F"], ["E", "G", "H"]]
    ids = grow(alice, *paths)
    nodes = list(ids.values())
    watchers = [make_agent(alice, *chance.sample(nodes, size)) for size in (1, 2, 3)]
    for step in range(25):
        known = list(db.session.scalars(select(Document.id)))
        some = chance.sample(nodes, chance.randint(0, 3))
        confidence = chance.choice([0.5, 0.7, 1.0])
        action = chance.choice(
            "add add replace move rewrite delete link rehang prune".split()  # noqa: SIM905
        )
        if action in ("add", "replace") or not known:
            name = f"doc-{chance.randint(0, 5)}" if action == "replace" else None
            paragraphs = "\n\n".join("word " * 200 for _ in range(chance.randint(1, 4)))
            fields = {"nodes": some} if chance.random() < 0.7 else {}
            make_document(
                alice, content=paragraphs, external_id=name, confidence=confidence, **fields
            )
        elif action == "delete":
            documents.delete_document(chance.choice(known), actor=alice)
        elif action == "link":
            above, below = chance.choice(nodes), chance.choice(nodes)
            body = TaxonomyRequest(
                version="1.0.0", nodes=[], edges=[{"parent": above, "child": below}]
            )
            with suppress(BadReference):  # a circle
                taxonomies.extend_taxonomy(body, actor=alice)
        elif action == "rehang":
            place = NodeChanges(parent_ids=some[:2])
            with suppress(BadReference):
                editing.update_node("1.0.0", chance.choice(nodes), place, actor=alice)
        elif action == "prune" and len(nodes) > 4:
            gone = nodes.pop(chance.randrange(len(nodes)))
            editing.delete_node("1.0.0", gone, actor=alice, force=True)
        elif action == "rewrite":
            changes = DocumentChanges(content="\n\n".join(["other words " * 150] * step))
            if step:
                documents.update_document(chance.choice(known), changes, actor=alice)
        else:
            changes = DocumentChanges(nodes=some, confidence=confidence)
            documents.update_document(chance.choice(known), changes, actor=alice)
        watchers.append(make_agent(alice, *chance.sample(nodes, 2)))
        watched = chance.choice(watchers)
        assert find_all(watched) == recount(watched)[2]
    for agent in watchers:
        by_node, totals, _ = recount(agent)
        found = coverage.measure(agent)
        assert {key: n for key, n in found.document_counts.items() if n} == {
            str(key): pair[0] for key, pair in by_node.items()
        }
        assert (found.total_documents, found.total_chunks) == totals
        stats = {row.public_id: row.chunk_count for row in db.session.scalars(select(NodeStat))}
        assert all(stats[key] == pair[1] for key, pair in by_node.items())


def test_agents_with_the_same_topics_share_a_scope(alice: Actor, ids: Ids) -> None:
    one = make_agent(alice, ids["Heat"], ids["Wings"])
    other = make_agent(alice, ids["Wings"], ids["Heat"], ids["Heat"])
    assert one.scope_id == other.scope_id
    copy = agents.duplicate_agent(one.id, actor=alice)
    assert (copy.scope_id, copy.taxonomy_node_ids) == (one.scope_id, one.taxonomy_node_ids)


# Gaps


def test_gaps_name_what_is_missing_most_first(cast: Cast, alice: Actor, ids: Ids) -> None:
    about(alice, ids["Wings"], count=2)
    about(alice, ids["Heat"])
    agent = make_agent(alice, ids["Physics"])
    answer = cast.api("vera").get(f"/agents/{agent.handle}/gaps").json
    assert answer["threshold"] == 0.5
    assert [(gap["path"], gap["missing_docs"]) for gap in answer["gaps"]] == [
        (["Physics"], 10),
        (["Physics", "Heat"], 3),
    ]
    heat = answer["gaps"][1]
    assert (heat["current_coverage"], heat["target_coverage"]) == (25.0, 50.0)
    assert heat["recommendation"] == "Collect 3 more documents for Physics > Heat"
    all_of_them = cast.api("vera").get(f"/agents/{agent.handle}/gaps?threshold=1").json
    assert len(all_of_them["gaps"]) == 3
    assert cast.api("vera").get(f"/agents/{agent.handle}/gaps?threshold=0").json["gaps"] == []


@pytest.mark.parametrize("threshold", ["-0.1", "1.01", "nan", "inf", "half", ""])
def test_a_threshold_out_of_range_is_refused(
    cast: Cast, alice: Actor, ids: Ids, threshold: str
) -> None:
    agent = make_agent(alice, ids["Heat"])
    response = cast.api("vera").get(f"/agents/{agent.id}/gaps?threshold={threshold}")
    assert response.status_code == 422


# Targets


def test_targets_belong_to_the_agent(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent, other = make_agent(alice, ids["Physics"]), make_agent(alice, ids["Physics"])
    about(alice, ids["Heat"], count=3)
    api = cast.api("alice")
    path = f"/agents/{agent.id}/coverage/targets"
    answer = api.put(path, {str(ids["Heat"]): 3, str(ids["Physics"]): 0})
    assert answer.status_code == 200
    assert answer.json["target_counts"][str(ids["Heat"])] == 3
    assert answer.json["node_coverage"][str(ids["Physics"])] == 100.0
    assert answer.json["overall_coverage"] == round(100 * 3 / 7, 2)
    assert str(ids["Physics"]) not in {
        gap["node_id"] for gap in api.get(f"/agents/{agent.id}/gaps?threshold=1").json["gaps"]
    }
    assert coverage.measure(other).target_counts[str(ids["Heat"])] == 4
    again = api.put(path, {str(ids["Heat"]): None}).json
    assert again["target_counts"][str(ids["Heat"])] == 4
    assert again["target_counts"][str(ids["Physics"])] == 0


def test_whoever_shows_an_agent_is_told_of_other_targets(
    cast: Cast, alice: Actor, ids: Ids
) -> None:
    agent = make_agent(alice, ids["Heat"])
    about(alice, ids["Heat"])
    api = cast.api("alice")
    known = api.get(f"/agents/{agent.id}").headers["ETag"]
    shown = refresh.revision_of(agent, figures_of(agent))
    last = db.session.scalar(select(func.max(Announcement.id))) or 0
    api.put(f"/agents/{agent.id}/coverage/targets", {str(ids["Heat"]): 1})
    again = api.get(f"/agents/{agent.id}", headers={"If-None-Match": known})
    assert (again.status_code, again.json["coverage_percent"]) == (200, 100.0)
    assert refresh.revision_of(agent, figures_of(agent)) != shown
    told = set(db.session.scalars(select(Announcement.feed).where(Announcement.id > last)))
    assert {"agents:all", f"coverage:{agent.id}"} <= told


@pytest.mark.parametrize(
    ("target", "status"), [(-1, 422), ("many", 422), (1.5, 422), (10**9, 422), (0, 200)]
)
def test_a_nonsense_target_is_refused(
    cast: Cast, alice: Actor, ids: Ids, target: Any, status: int
) -> None:
    agent = make_agent(alice, ids["Heat"])
    path = f"/agents/{agent.id}/coverage/targets"
    assert cast.api("alice").put(path, {str(ids["Heat"]): target}).status_code == status


def test_a_target_out_of_scope_is_refused(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    path = f"/agents/{agent.id}/coverage/targets"
    for node in (ids["Cooking"], uuid4()):
        response = cast.api("alice").put(path, {str(ids["Heat"]): 1, str(node): 1})
        assert response.status_code == 400
        assert response.json["extras"]["invalid"] == [str(node)]
    assert coverage.measure(agent).target_counts == {str(ids["Heat"]): 4}


# Refresh, tasks and history


def test_a_refresh_in_the_background_is_a_task(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    about(alice, ids["Heat"], count=2)
    api = cast.api("alice")
    response = api.post(f"/agents/{agent.id}/coverage/refresh?background=true")
    assert response.status_code == 202
    task = response.json
    assert task["task_id"].startswith("task-")
    assert UUID(task["task_id"].removeprefix("task-")).version == 4
    assert (task["status"], task["task_type"]) == ("pending", "coverage_refresh")
    path = f"/agents/{agent.handle}/coverage/status/{task['task_id']}"
    assert api.get(path).json["started_at"] is None
    run_task(task["task_id"])
    done = api.get(path).json
    assert (done["status"], done["agent_id"]) == ("completed", str(agent.id))
    assert done["started_at"]
    assert done["result"] == {"coverage_percent": 50.0, "total_documents": 2, "total_chunks": 2}
    assert api.get(f"/agents/{agent.id}").json["coverage_percent"] == 50.0


def test_a_running_refresh_says_so(
    cast: Cast, alice: Actor, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(alice, ids["Heat"])
    task = refresh.start_refresh(agent.id, actor=alice)
    seen = []

    def look(measured: Agent) -> coverage.Coverage:
        seen.append(cast.api("vera").get(f"/agents/{agent.id}/coverage/status/{task.id}").json)
        return coverage.measure(measured)

    monkeypatch.setattr(refresh, "measure", look)
    run_task(task.id)
    assert (seen[0]["status"], seen[0]["progress_percent"]) == ("running", 25.0)
    assert seen[0]["started_at"]
    assert seen[0]["completed_at"] is None


def test_a_refresh_at_once_answers_the_finished_task(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    about(alice, ids["Heat"])
    response = cast.api("alice").post(f"/agents/{agent.id}/coverage/refresh?background=false")
    assert response.status_code == 200
    assert response.json["status"] == "completed"
    assert response.json["result"]["coverage_percent"] == 25.0
    assert response.json["task_id"].startswith("task-")
    history = cast.api("vera").get(f"/agents/{agent.id}/coverage/history").json
    assert history["total_entries"] == 1


def test_a_task_taken_up_again_writes_one_row(alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    task = refresh.start_refresh(agent.id, actor=alice)
    run_task(task.id)
    # The worker died after its last commit and before the end was written.
    db.session.execute(
        update(Task).where(Task.id == task.id).values(status="running", completed_at=None)
    )
    db.session.commit()
    assert run_task(task.id).status == Status.COMPLETED
    assert db.session.scalar(select(func.count()).select_from(CoverageRecord)) == 1


def test_a_cancelled_refresh_keeps_nothing(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    api = cast.api("alice")
    task = api.post(f"/agents/{agent.id}/coverage/refresh").json
    assert api.delete(f"/tasks/{task['task_id']}").status_code == 204
    assert api.delete(f"/tasks/{task['task_id']}").status_code == 409
    assert run_task(task["task_id"]).status == Status.CANCELLED
    assert api.get(f"/agents/{agent.id}/coverage/history").json["history"] == []


def test_a_refresh_of_a_deleted_agent_fails_with_its_reason(alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    task = refresh.start_refresh(agent.id, actor=alice)
    deletion.delete_agent(agent.id, actor=alice)
    done = run_task(task.id)
    assert (done.status, done.error) == (Status.FAILED, f"Agent not found: {agent.id}")


def test_a_task_of_another_agent_is_not_found(cast: Cast, alice: Actor, ids: Ids) -> None:
    one, other = make_agent(alice, ids["Heat"]), make_agent(alice, ids["Heat"])
    task = refresh.start_refresh(one.id, actor=alice)
    api = cast.api("vera")
    for path in (f"{other.id}/coverage/status/{task.id}", f"{one.id}/coverage/status/task-none"):
        response = api.get(f"/agents/{path}")
        assert response.status_code == 404
        assert response.json["detail"].startswith("Task not found: task-")
    assert cast.api("charlie").get(f"/agents/{one.id}/coverage").status_code == 404


def add_history(agent: Agent, *moments: datetime) -> None:
    db.session.add_all(
        CoverageRecord(
            agent_id=agent.id,
            timestamp=moment,
            overall_coverage=number,
            total_documents=number,
            total_chunks=number,
            version="1.0.0",
        )
        for number, moment in enumerate(moments)
    )
    db.session.commit()


def test_what_a_wrong_clock_has_dated_is_not_the_newest(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    days = [datetime(year, 1, 1, tzinfo=UTC) for year in (2025, 2099, 2026)]
    add_history(agent, *days)
    found = cast.api("vera").get(f"/agents/{agent.id}/coverage/history").json["history"]
    assert [entry["overall_coverage"] for entry in found] == [2, 1, 0]
    history = coverage.get_history(agent.id, actor=alice)
    assert pages._series(history)["y"] == [0, 2]


def test_history_is_newest_first_within_its_dates(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    days = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (1, 2, 3)]
    add_history(agent, *days)
    get = lambda query: cast.api("vera").get(f"/agents/{agent.id}/coverage/history{query}")  # noqa: E731
    everything = get("").json
    assert [entry["overall_coverage"] for entry in everything["history"]] == [2, 1, 0]
    assert everything["total_entries"] == 3
    some = get("?start_date=2026-01-02T12:00:00Z&end_date=2026-01-03").json
    assert [entry["overall_coverage"] for entry in some["history"]] == [2, 1]
    assert some["start_date"] == "2026-01-02T12:00:00Z"
    assert len(get("?start_date=2026-01-01&end_date=2026-01-01").json["history"]) == 1
    assert len(get("?start_date=2026-01-02T13:00:00%2B01:00").json["history"]) == 2
    assert len(get("?limit=2").json["history"]) == 2
    for wrong in (
        "?limit=1001",
        "?limit=0",
        "?start_date=yesterday",
        "?start_date=2026-01-03&end_date=2026-01-01",
    ):
        assert get(wrong).status_code == 422, wrong


def test_coverage_is_measured_again_after_documents_changed(alice: Actor, ids: Ids) -> None:
    moved, still = make_agent(alice, ids["Heat"]), make_agent(alice, ids["Cooking"])
    about(alice, ids["Heat"], count=2)
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    db.session.expire_all()
    figures = get_figures(moved)
    assert (figures.coverage_percent, figures.total_documents) == (50.0, 2)
    rows = list(db.session.scalars(select(CoverageRecord.agent_id)))
    assert rows == [moved.id]
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    assert db.session.scalar(select(func.count()).select_from(CoverageRecord)) == 1
    assert get_figures(still).coverage_percent == 0.0


def test_the_etag_tells_that_the_same_was_measured_again(
    cast: Cast, alice: Actor, ids: Ids
) -> None:
    agent = make_agent(alice, ids["Heat"])
    known = cast.api("vera").get(f"/agents/{agent.id}")
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    again = cast.api("vera").get(
        f"/agents/{agent.id}", headers={"If-None-Match": known.headers["ETag"]}
    )
    assert again.status_code == 200
    assert again.json["last_coverage_update"] > known.json["last_coverage_update"]
    assert db.session.scalar(select(func.count()).select_from(CoverageRecord)) == 0


@pytest.mark.parametrize("change", ["scope", "targets"])
def test_what_was_measured_before_another_scope_or_target_is_not_kept(
    app: APIFlask, alice: Actor, ids: Ids, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    agent = make_agent(alice, ids["Heat"], features_config={"coverage_alert_drop": 1})
    about(alice, ids["Heat"], count=2)
    about(alice, ids["Cooking"], count=4)
    refresh.start_refresh(agent.id, actor=alice, is_background=False)
    about(alice, ids["Heat"])

    def edit() -> None:
        with app.app_context():
            if change == "scope":
                body = ScopeRequest(taxonomy_node_ids=[ids["Cooking"]], taxonomy_version="1.0.0")
                scopes.set_scope(agent.id, body, actor=alice)
            else:
                targets.set_targets(agent.id, {ids["Heat"]: 3}, actor=alice)

    def look(measured: Agent) -> coverage.Coverage:
        found = coverage.measure(measured)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(edit).result()
        return found

    monkeypatch.setattr(refresh, "measure", look)
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    assert get_figures(agent).coverage_percent == 100.0
    history = list(db.session.scalars(select(CoverageRecord.overall_coverage)))
    assert history == [50.0]


@pytest.mark.parametrize(("allowed", "alarms"), [(5, 1), (60, 0), (None, 0)])
def test_falling_coverage_raises_the_alarm(
    alice: Actor, ids: Ids, allowed: int | None, alarms: int
) -> None:
    features = {
        "coverage_alert_drop": allowed,
        "coverage_alert_webhook": "http://localhost:1/fell",
    }
    agent = make_agent(alice, ids["Heat"], features_config=features)
    old = about(alice, ids["Heat"], count=2)
    refresh.start_refresh(agent.id, actor=alice, is_background=False)
    for document in old:
        documents.delete_document(document.id, actor=alice)
    refresh.start_refresh(agent.id, actor=alice, is_background=False)
    fell = select(AuditEntry).where(AuditEntry.action == "coverage_fell")
    entries = list(db.session.scalars(fell))
    assert [entry.detail for entry in entries] == [{"from": 50.0, "to": 0.0}] * alarms
    sent = list(db.session.scalars(select(Delivery.payload)))
    assert [payload["to"] for payload in sent] == [0.0] * alarms


# Scopes and topics that go


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


def test_what_is_measured_is_not_called_kept_before_it_is(cast: Cast, ids: Ids) -> None:
    """A page said "Last kept 37.9 %" beside "No history yet"."""
    alice = cast.actor("alice")
    agent = make_agent(alice, ids["Physics"])
    browser, address = cast.browser("alice"), f"/agents/{agent.handle}/coverage"
    page = browser.get(address).text()
    assert "No history yet" in page
    assert "Last kept" not in page
    assert "Last measured" in page
