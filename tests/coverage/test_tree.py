"""The figures, the gaps, the tree and the map of a scope, against slow arithmetic over its rows."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import squarify
from sqlalchemy import select, update

from tests.browser import Browser, words_of
from tests.coverage.physics import make_agent
from tests.factories import make_large_taxonomy
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.errors import BadReference
from webapp.core.extensions import db
from webapp.coverage import map as treemap
from webapp.coverage import services, targets, tree
from webapp.coverage.map import draw_map
from webapp.coverage.topics import ScopeTopics
from webapp.coverage.tree import Branch, draw_tree, list_level
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import NodeStat, TaxonomyEdge, TaxonomyNode, path_key
from webapp.taxonomies.schemas import TaxonomyRequest


@dataclass
class Slow:
    """A topic of a scope, with what comes of looking at every row."""

    row: TaxonomyNode
    documents: int
    target: int
    children: list[Slow] = field(default_factory=list)
    elsewhere: list[Slow] = field(default_factory=list)

    @property
    def below(self) -> dict[UUID, Slow]:
        found = {self.row.id: self}
        for child in [*self.children, *self.elsewhere]:
            found |= child.below
        return found

    @property
    def covered(self) -> int:
        return sum(min(topic.documents, topic.target) for topic in self.below.values())

    @property
    def target_sum(self) -> int:
        return sum(topic.target for topic in self.below.values())


def in_order(topics: list[Slow]) -> list[Slow]:
    return sorted(topics, key=lambda topic: (topic.row.label_key, str(topic.row.public_id)))


def read_slowly(agent: Agent) -> list[Slow]:
    """The topics at the top of an agent's scope."""
    measured = services.measure(agent)
    topics = {
        row.id: Slow(row, measured.document_counts[key], measured.target_counts[key])
        for row in db.session.scalars(select(TaxonomyNode))
        if (key := str(row.public_id)) in measured.document_counts
    }
    parents = defaultdict(list)
    for edge in db.session.scalars(select(TaxonomyEdge)):
        if edge.parent_id in topics:
            parents[edge.child_id].append(topics[edge.parent_id])
    roots = []
    for topic in in_order(list(topics.values())):
        path = topic.row.canonical_path
        above = sorted(
            parents[topic.row.id],
            key=lambda up, path=path: (
                up.row.canonical_path != path[:-1],
                up.row.path_key,
                str(up.row.id),
            ),
        )
        for up in above:
            (up.children if up is above[0] else up.elsewhere).append(topic)
        if not above:
            roots.append(topic)
    return roots


def make_tangle(actor: Actor, chance: random.Random, edges: int = 8) -> Agent:
    """Topics, some with several parents where there are more `edges`; namesakes, documents and
    targets; and who knows some of them."""
    paths = []
    for number in range(30):
        above = chance.choice(paths) if paths and chance.random() < 0.85 else []
        paths.append([*above, f"T{number % 20}"])
    wishes = [
        {"path": path, "target_documents": chance.choice([None, 0, 1, 3, 32])} for path in paths
    ]
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": wishes})
    nodes = [node.node_id for node in taxonomies.extend_taxonomy(body, actor=actor).nodes]
    for _ in range(edges):
        edge = {"parent": chance.choice(nodes), "child": chance.choice(nodes)}
        body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": [], "edges": [edge]})
        with suppress(BadReference):  # a circle
            taxonomies.extend_taxonomy(body, actor=actor)
    for node_id in nodes:
        count = chance.choice([0, 0, 1, 2, 9, 40])
        mine = NodeStat.public_id == node_id
        db.session.execute(update(NodeStat).where(mine).values(document_count=count))
    db.session.commit()
    agent = make_agent(actor, *chance.sample(nodes, chance.randint(1, 6)))
    known = list(services.measure(agent).document_counts)
    if chance.random() < 0.7:
        own = {UUID(key): chance.choice([0, 2, 7, 32]) for key in chance.choices(known, k=3)}
        targets.set_targets(agent.id, own, actor=actor)
    return agent


def lines(branch: Branch) -> Any:
    """A branch with those that are drawn below it."""
    return (
        (branch.node_id, branch.path, branch.documents, branch.target),
        (branch.covered, branch.target_sum, branch.topic_count, branch.child_count),
        [lines(child) for child in branch.children],
        [other.node_id for other in branch.elsewhere],
    )


def slow_lines(topic: Slow, drawn: set[UUID]) -> Any:
    is_drawn = topic.row.id in drawn
    return (
        (topic.row.public_id, topic.row.canonical_path, topic.documents, topic.target),
        (
            topic.covered,
            topic.target_sum,
            len(topic.below),
            len(topic.children) + len(topic.elsewhere),
        ),
        [slow_lines(child, drawn) for child in topic.children if is_drawn],
        [other.row.public_id for other in topic.elsewhere if is_drawn],
    )


def choose_slowly(roots: list[Slow], room: int) -> set[UUID]:
    """The topics whose children are drawn, from the top while there is room."""
    drawn, left = set(), list(roots)
    room -= len(roots)
    for topic in left:
        room -= len(topic.children) + len(topic.elsewhere)
        if room < 0:
            break
        drawn.add(topic.row.id)
        left += topic.children
    return drawn


def divide_slowly(
    topics: list[Slow], x: float, y: float, width: float, height: float, room: int = 1000
) -> Any:
    ordered = sorted(topics, key=lambda topic: (-topic.target_sum, topic.row.label))
    most = min(treemap.MAX_SIBLINGS, len(ordered))
    if most + (most < len(ordered)) > room:
        most = room - 1
    shown, rest = ordered[:most], ordered[most:]
    weights = [max(topic.target_sum, 1) for topic in shown]
    if rest:
        weights.append(max(1, min(sum(topic.target_sum for topic in rest), weights[-1] * 4)))
    if width <= 0 or height <= 0:
        return
    sizes = squarify.normalize_sizes(weights, width, height)
    for at, place in enumerate(squarify.squarify(sizes, x, y, width, height)):
        topic = shown[at] if at < len(shown) else None
        inside = place["dx"], place["dy"]
        within = inside[0] - 2 * treemap.PADDING, inside[1] - treemap.HEADER - treemap.PADDING
        parts = int(max(0, within[0]) * max(0, within[1]) / treemap.MIN_PART)
        is_large = inside[0] * inside[1] >= treemap.MIN_DIVIDED and parts > 1
        is_group = bool(topic and topic.children and is_large)
        # Of namesakes of one size, either may come first.
        name = (topic.row.label, topic.target_sum) if topic else None
        yield name, place["x"], place["y"], *inside, is_group, len(rest)
        if topic and is_group:
            corner = place["x"] + treemap.PADDING, place["y"] + treemap.HEADER
            yield from divide_slowly(topic.children, *corner, *within, parts)


@pytest.mark.parametrize(
    ("seed", "edges"), [(0, 8), (1, 8), (2, 8), (3, 8), (4, 0), (5, 0), (6, 0)]
)
def test_the_database_adds_up_what_slow_arithmetic_does(
    alice: Actor, monkeypatch: pytest.MonkeyPatch, seed: int, edges: int
) -> None:
    chance = random.Random(seed)
    agent = make_tangle(alice, chance, edges)
    topics, measured, roots = ScopeTopics.of(agent), services.measure(agent), read_slowly(agent)

    summary = services.summarize(agent, topics, with_children=not seed % 2)
    assert bool(summary.children) == (not edges and not seed % 2)
    counts = measured.document_counts
    assert summary.overall_coverage == measured.overall_coverage
    assert summary.topic_count == len(counts)
    assert summary.covered_count == sum(1 for count in counts.values() if count)
    assert summary.total_documents == measured.total_documents

    assert topics.is_tree == (not edges)
    assert set(topics.roots) == {root.row.id for root in roots}

    everything = {key: topic for root in roots for key, topic in root.below.items()}
    for threshold in (0.0, 0.0313, 0.25, 0.28126, 0.5, 0.75, 1.0):
        lacking = [
            (topic.documents - topic.target, topic.row.canonical_path)
            for topic in everything.values()
            if services.share(topic.documents, topic.target) < round(100 * threshold, 2)
        ]
        lacking.sort(key=lambda gap: (gap[0], path_key(gap[1]), gap[1]))
        for limit, offset, steps in (
            (None, 0, 1000),
            (1, 0, 1000),
            (4, 0, 1000),
            (4, 4, 0),
            (4, 8, 1000),
            (100, 0, 0),
            (100, 100, 0),
        ):
            monkeypatch.setattr(services, "MAX_STEPS", steps)
            gaps = services.list_gaps(topics, summary, threshold, limit=limit, offset=offset)
            end = None if limit is None else offset + limit
            assert [(-gap.missing_docs, gap.path) for gap in gaps] == lacking[offset:end]
        assert sum(summary.gap_counts(threshold).values()) == len(lacking)

    for room in (0, 5, 12, 200):
        monkeypatch.setattr(tree, "MAX_DRAWN", room)
        drawn = choose_slowly(roots, room)
        found = [lines(branch) for branch in draw_tree(topics, summary)]
        assert found == [slow_lines(root, drawn) for root in roots]

    for most, least, part in (
        (40, 14_000.0, 1_200.0),
        (2, 14_000.0, 1_200.0),
        (3, 500.0, 1.0),
        (40, 500.0, 10_000.0),
    ):
        monkeypatch.setattr(treemap, "MAX_SIBLINGS", most)
        monkeypatch.setattr(treemap, "MIN_DIVIDED", least)
        monkeypatch.setattr(treemap, "MIN_PART", part)
        areas = [
            (
                (area.branch.label, area.branch.target_sum) if area.branch else None,
                *(area.x, area.y, area.width, area.height),
                area.is_group,
                area.more,
            )
            for area in draw_map(topics, summary, draw_tree(topics, summary))
        ]
        assert areas == list(divide_slowly(roots, 0, 0, 1000, 320))

    monkeypatch.setattr(tree, "MAX_DRAWN", 2)
    for topic in everything.values():
        offset: int | None = 0
        shown, elsewhere = [], []
        while offset is not None:
            level = list_level(topics, topic.row.id, offset)
            assert level.total == len(topic.children)
            shown += [branch.node_id for branch in level.shown]
            elsewhere += [branch.node_id for branch in level.elsewhere]
            offset = level.next_offset
        assert shown == [child.row.public_id for child in topic.children]
        assert elsewhere == [other.row.public_id for other in topic.elsewhere]


def test_a_page_of_a_large_scope_shows_some_of_it_and_the_figures_of_all(
    browser: Browser, alice: Actor
) -> None:
    ids = make_large_taxonomy(alice, roots=3, branches=8, leaves=60)
    make_agent(alice, *(ids[f"Area {number}"] for number in range(3)))
    page = browser.get("/agents/physicist/coverage")
    figures = [words_of(card) for card in page.css(".figures .card")]
    assert "Topics with documents 0 of 1,467 in taxonomy 1.0.0" in figures
    assert len(page.css(".coverage-tree .row")) == 87
    assert len(page.css(".map rect")) == 27

    gaps = page.css_first("#gaps")
    assert "1,467 below" in words_of(gaps)
    assert "42 more" in words_of(gaps)
    assert "1–50 of 1,467" in words_of(gaps)
    seen = [link.text() for link in page.css("#gaps .gaps li > span > a")]
    assert len(seen) == 50
    (following,) = page.css("#gaps .pager a")
    address = following.attributes["href"] or ""
    assert address == "/agents/physicist/coverage?offset=50#gaps"
    page = browser.get(address)
    assert not page.css("#gaps details")
    after = [link.text() for link in page.css("#gaps .gaps li > span > a")]
    assert len(after) == 50
    assert not {*seen} & {*after}
    in_order = sorted(seen + after, key=lambda gap: path_key(gap.split(" › ")))
    assert (seen + after) == in_order
    # Another share begins at the beginning.
    for link in page.css("#gaps .segmented a"):
        assert "offset" not in (link.attributes["href"] or "")
    page = browser.get("/agents/physicist/coverage?offset=5000")
    assert words_of(page.css_first("#gaps .pager a")) == "Previous"


def test_an_area_of_the_map_is_divided_into_parts_that_can_be_hit(alice: Actor) -> None:
    ids = make_large_taxonomy(alice, roots=8, branches=60, leaves=1)
    agent = make_agent(alice, *(ids[f"Area {number}"] for number in range(8)))
    topics = ScopeTopics.of(agent)
    summary = services.summarize(agent, topics)
    areas = draw_map(topics, summary, draw_tree(topics, summary))
    for group in (area for area in areas if area.is_group):
        inside = group.inside[2] * group.inside[3]
        assert len(group.parts) == int(inside / treemap.MIN_PART) > 20
        rest = group.parts[-1]
        assert rest.more == 60 - (len(group.parts) - 1)
        assert sum(part.width * part.height for part in group.parts) == pytest.approx(inside)
        assert min(part.width * part.height for part in group.parts) > treemap.MIN_PART / 2
        assert min(min(part.width, part.height) for part in group.parts) > 15
    assert sum(area.is_group for area in areas) == 8


def test_the_map_gives_no_colour_to_what_stands_for_several(browser: Browser, alice: Actor) -> None:
    ids = make_large_taxonomy(alice, roots=8, branches=60, leaves=1)
    make_agent(alice, *(ids[f"Area {number}"] for number in range(8)))
    page = browser.get("/agents/physicist/coverage")
    for text in page.css(".map text"):
        if text.text().endswith(" more"):
            assert text.prev is not None
            assert text.prev.attributes["class"] == "group"
    assert sum(text.text().endswith(" more") for text in page.css(".map text")) == 8
