"""Names with numbers in the order that people count in, wherever they are listed by name."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import flask_migrate
from sqlalchemy import select, text

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.database import new_settings
from tests.factories import make_agent, make_document
from webapp import create_app
from webapp.accounts import services as accounts
from webapp.agents import search
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.database import migrations
from webapp.core.extensions import db
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.documents.models import Document
from webapp.taxonomies import browsing, editing
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import NodeChanges, NodeQuery, TaxonomyRequest

NUMBERS = (10, 2, 1, 21, 9)
COUNTED = [f"Area {number}" for number in sorted(NUMBERS)]


def make_areas(actor: Actor, version: str = "1.0.0", numbers: tuple[int, ...] = NUMBERS) -> None:
    paths = [{"path": [f"Area {number}"]} for number in numbers]
    body = TaxonomyRequest.model_validate({"version": version, "nodes": paths})
    taxonomies.extend_taxonomy(body, actor=actor)


def test_agents_are_listed_and_found_so(cast: Cast, alice: Actor, browser: Browser) -> None:
    api = cast.api("alice")
    for number in NUMBERS:
        make_agent(alice, handle=f"a-{number}", name=f"Area {number}")
    assert [item["name"] for item in api.get("/agents?sort=name").json] == COUNTED
    assert [item["name"] for item in api.get("/agents?sort=-name").json] == COUNTED[::-1]
    titles = [row.text() for row in browser.get("/agents?sort=name").css(".row-title")]
    assert titles == COUNTED


def test_an_agent_is_found_by_the_beginning_of_its_number(
    alice: Actor,
) -> None:
    for number in (*NUMBERS, 211, 3):
        make_agent(alice, handle=f"a-{number}", name=f"Area {number} agent")

    def found(typed: str) -> set[str]:
        selections = search.select_called(typed, actor=alice)
        return {row.name for look in selections for row in db.session.execute(look)}

    assert found("area 2") == {"Area 2 agent", "Area 21 agent", "Area 211 agent"}
    assert found("Area 21") == {"Area 21 agent", "Area 211 agent"}
    assert found("area 1 a") == {"Area 1 agent"}
    assert found("area 4") == set()


def test_documents_are_listed_so(cast: Cast, alice: Actor) -> None:
    api = cast.api("alice")
    for number in NUMBERS:
        make_document(alice, title=f"Area {number}")
    assert [item["title"] for item in api.get("/documents?sort=title").json] == COUNTED
    assert [item["title"] for item in api.get("/documents?sort=-title").json] == COUNTED[::-1]


def test_topics_are_listed_so_wherever_they_are(cast: Cast, alice: Actor) -> None:
    make_areas(alice)
    tree = browsing.list_tree("1.0.0", actor=alice)
    assert [topic.label for topic in tree.items] == COUNTED
    assert [topic.path for topic in browsing.find_topics("", None, actor=alice)] == [
        [label] for label in COUNTED
    ]
    listed = taxonomies.list_nodes("1.0.0", NodeQuery(), actor=alice).items
    assert [node.label for node in listed] == COUNTED
    assert [branch.label for branch in taxonomies.get_tree("1.0.0", actor=alice).roots] == COUNTED
    ids = [node.node_id for node in listed]
    assert [topic.path[-1] for topic in browsing.name_topics(ids, actor=alice)] == COUNTED
    request = FromTaxonomyRequest(name="All", taxonomy_node_ids=ids)
    agent = scopes.create_agent(request, actor=alice)
    page = cast.browser("vera").get(f"/agents/{agent.handle}/coverage")
    labels = [words_of(label) for label in page.css("#gaps .gaps span > a")]
    assert labels == COUNTED
    make_areas(alice, "2.0.0", (3,))
    compared = taxonomies.compare_taxonomies("1.0.0", "2.0.0", actor=alice)
    assert compared.removed == [[label] for label in COUNTED]


def test_a_renamed_topic_takes_its_place(alice: Actor) -> None:
    make_areas(alice)
    [first, *_] = taxonomies.list_nodes("1.0.0", NodeQuery(), actor=alice).items
    changes = NodeChanges(label="Area 11")
    editing.update_node("1.0.0", first.node_id, changes, actor=alice)
    tree = browsing.list_tree("1.0.0", actor=alice)
    assert [topic.label for topic in tree.items] == [
        "Area 2", "Area 9", "Area 10", "Area 11", "Area 21",
    ]  # fmt: skip


def test_what_is_there_already_is_sorted_so_after_an_upgrade(
    database_url: str, tmp_path: Path
) -> None:
    settings = new_settings(database_url, tmp_path)
    with create_app(settings).app_context():
        migrations.upgrade(settings)
        password = "correct horse battery"
        actor = accounts.create_organization("acme", email="a@example.com", password=password).actor
        # More than are read at once.
        make_areas(actor, numbers=tuple(range(1100)))
        make_agent(actor, handle="a", name="Area 7")
        make_document(actor, title="Area 7")
        db.session.remove()

        def keys() -> tuple[set[str], set[str], dict[str, str]]:
            paths = text("SELECT label, path_key FROM taxonomy_nodes")
            found = (
                set(db.session.scalars(select(Agent.name_key))),
                set(db.session.scalars(select(Document.title_key))),
                {row.label: row.path_key for row in db.session.execute(paths)},
            )
            db.session.remove()
            return found

        now = keys()
        assert now[:2] == ({"area 00000007"}, {"area 00000007"})
        assert now[2]["Area 1099"] == "area 00001099"
        flask_migrate.downgrade(revision="0035")
        before = keys()
        assert before[:2] == ({"area 7"}, {"area 7"})
        assert before[2]["Area 1099"] == "Area 1099"
        flask_migrate.upgrade()
        assert keys() == now
        tree = browsing.list_branch("1.0.0", None, browsing.Paging(3, 9), actor=actor)
        assert [topic.label for topic in tree.items] == ["Area 9", "Area 10", "Area 11"]
        assert isinstance(tree.items[0].node_id, UUID)
        db.session.remove()
        db.engine.dispose()
