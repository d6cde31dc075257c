"""What a move from one version of the taxonomy to the next would do, before it is begun."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.browser import Browser
from tests.cast import Cast
from tests.coverage.moves.versions import Ids, about, make_agent, move
from tests.factories import make_document
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage.moves import services as moves
from webapp.coverage.moves.matching import match_topics, select_documents
from webapp.coverage.moves.schemas import MoveRequest
from webapp.documents.topics.changes import add_topics
from webapp.tasks.models import Task
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import Taxonomy, TaxonomyNode
from webapp.taxonomies.schemas import TaxonomyRequest


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
