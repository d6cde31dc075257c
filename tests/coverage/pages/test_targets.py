"""The targets of topics, set on their pages."""

from __future__ import annotations

import pytest

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.coverage.pages.physicist import PAGE, text_of
from tests.coverage.physics import Ids, grow, make_agent
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.coverage import services as coverage


def test_an_admin_sets_the_target_of_a_topic(browser: Browser, physicist: Agent, ids: Ids) -> None:
    path = f"{PAGE}/topics/{ids['Wings']}"
    page = browser.get(path)
    assert text_of(page, "h1") == "Physicist"
    assert text_of(page, "h2.subject") == "Wings"
    assert {link.text() for link in page.css(".versions a")} == {"Lift", "Drag"}
    field = page.css_first("#target")
    assert (field.attributes["value"], field.attributes["placeholder"]) == ("", "4")

    page = browser.post(path, {"target": "2"})

    assert "The target is set." in text_of(page, "#toasts")
    assert "Wings 2 / 2 100 %" in text_of(page, ".coverage-tree")
    page = browser.post(path, {"target": "0"})
    assert "Wings 2 / 0 100 %" in text_of(page, ".coverage-tree")
    page = browser.post(path, {"target": ""})
    assert "Wings 2 / 4 50 %" in text_of(page, ".coverage-tree")


def test_a_topic_says_where_its_target_comes_from(
    browser: Browser, alice: Actor, physicist: Agent, ids: Ids
) -> None:
    def wanted(path: str) -> str:
        page = browser.get(path)
        facts = zip(page.css(".facts dt"), page.css(".facts dd"), strict=True)
        return {words_of(name): words_of(value) for name, value in facts}["Wanted in this topic"]

    path = f"{PAGE}/topics/{ids['Wings']}"
    assert wanted(path) == "4, set in the taxonomy"
    browser.post(path, {"target": "2"})
    assert wanted(path) == "2, set for this agent"
    chemistry = grow(alice, ["Chemistry"], version="2.0.0")["Chemistry"]
    agent = make_agent(alice, chemistry, taxonomy_version="2.0.0")
    assert wanted(f"/agents/{agent.handle}/coverage/topics/{chemistry}") == "10, the default"
    page = browser.get(f"/agents/{agent.handle}/coverage")
    assert "A topic wants 10 documents, unless another number is set" in page.text()


@pytest.mark.parametrize("target", ["-1", "1000001", "1.5", "many"])
def test_a_bad_target_is_refused_beside_its_field(
    browser: Browser, physicist: Agent, ids: Ids, target: str
) -> None:
    page = browser.post(f"{PAGE}/topics/{ids['Wings']}", {"target": target}, status=422)
    assert text_of(page, "#target-error")
    assert page.css_first("#target").attributes["value"] == target
    assert coverage.measure(physicist).target_counts[str(ids["Wings"])] == 4


def test_a_topic_without_documents_offers_to_upload_some(
    cast: Cast, browser: Browser, physicist: Agent, ids: Ids
) -> None:
    path = f"{PAGE}/topics/{ids['Heat']}"
    page = browser.get(path)
    assert "Nothing is known about Heat." in page.text()
    assert page.css("main .empty a")
    page = cast.browser("vera").get(path)
    assert not page.css("main .empty a, main form")


def test_targets_are_for_admins_and_for_topics_of_the_scope(
    cast: Cast, browser: Browser, physicist: Agent, ids: Ids
) -> None:
    wings, cooking = (f"{PAGE}/topics/{ids[label]}" for label in ("Wings", "Cooking"))
    cast.browser("bob").post(wings, {"target": "1"}, status=403)
    cast.browser("charlie").post(wings, {"target": "1"}, status=404)
    cast.browser("charlie").get(wings, status=404)
    browser.get(cooking, status=404)
    browser.post(cooking, {"target": "1"}, status=404)
    assert coverage.measure(physicist).target_counts[str(ids["Wings"])] == 4
    root = browser.get(f"{PAGE}/topics/{ids['Physics']}")
    facts = words_of(root.css_first(".facts"))
    assert facts.startswith("Documents in this topic 0 With topics below 2 Wanted in this topic")
    assert text_of(root, ".crumbs") == "Agents / Physicist / Topics"
