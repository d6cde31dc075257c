"""A move on the pages: previewed, begun, and told of where a version is older."""

from __future__ import annotations

from sqlalchemy import select

from tests.browser import Browser, words_of
from tests.coverage.moves.versions import Ids, about, grow, make_agent, move
from tests.factories import make_document
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage.moves import services as moves
from webapp.tasks import running
from webapp.tasks.models import Task


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


def test_documents_are_told_of_that_wait_in_a_version_further_back(
    alice: Actor, browser: Browser, old: Ids, new: Ids
) -> None:
    about(alice, old["Machines"], "Lathe")
    grow(alice, "3.0.0", "Physics > Heat")
    for used in ("1.0.0", "2.0.0"):
        notice = browser.get("/taxonomies/3.0.0").css_first(".notice")
        assert words_of(notice).startswith(f"1 document still uses {used}.")
        about(alice, new["Engines"], "Engine")
        make_agent(alice, "Heater", old["Physics > Heat"])
