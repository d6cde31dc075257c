"""The counts of topics and scopes, whatever happens to documents and topics."""

from __future__ import annotations

import random
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.coverage.physics import grow, make_agent
from tests.factories import make_document
from webapp import index
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.errors import BadReference, Conflict
from webapp.core.extensions import db
from webapp.coverage import services as coverage
from webapp.documents import services as documents
from webapp.documents.deletion import services as deletion
from webapp.documents.filters import select_documents
from webapp.documents.models import Chunk, DeletedDocument, Document, DocumentNode
from webapp.documents.schemas import DocumentChanges
from webapp.taxonomies import editing
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import NodeStat, TaxonomyClosure
from webapp.taxonomies.references import find_roots, select_topics
from webapp.taxonomies.schemas import NodeChanges, TaxonomyRequest


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
            (
                *("add", "add", "replace", "move", "rewrite", "delete", "restore"),
                *("link", "rehang", "prune"),
            )
        )
        if action in ("add", "replace") or not known:
            name = f"doc-{chance.randint(0, 5)}" if action == "replace" else None
            paragraphs = "\n\n".join("word " * 200 for _ in range(chance.randint(1, 4)))
            fields = {"nodes": some} if chance.random() < 0.7 else {}
            make_document(
                alice, content=paragraphs, external_id=name, confidence=confidence, **fields
            )
        elif action == "delete":
            deletion.delete_document(chance.choice(known), actor=alice)
        elif action == "restore":
            for document_id in db.session.scalars(select(DeletedDocument.id)).all():
                with suppress(Conflict):  # another has its external id
                    deletion.restore_document(document_id, actor=alice)
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
