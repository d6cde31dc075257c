"""What was asked and not answered, on the page of coverage."""

from __future__ import annotations

from tests.browser import Browser
from tests.cast import Cast
from tests.coverage.pages.physicist import PAGE, text_of
from tests.factories import make_agent
from webapp.agents.models import Agent
from webapp.core.actor import Actor


def test_an_unanswered_question_is_dismissed_on_the_page(
    cast: Cast, browser: Browser, alice: Actor, physicist: Agent
) -> None:
    asked = "Who repairs the espresso machine?"
    cast.api("bob").post(f"/agents/{physicist.id}/query", {"query": asked})
    (question,) = cast.api("bob").get(f"/agents/{physicist.id}/unanswered").json
    seen = cast.browser("vera").get(PAGE)
    assert f"{asked} asked once" in text_of(seen, "#unanswered")
    assert not seen.css("#unanswered a, #unanswered form")
    member = cast.browser("bob")
    item = member.get(PAGE).css_first("#unanswered li")
    assert (item.css_first("a").attributes["href"] or "").startswith("/agents/physicist/ask?q=Who")
    assert not item.css("form")
    dismissal = f"{PAGE}/unanswered/{question['id']}/dismissal"
    member.post(dismissal, {}, status=403)
    cast.browser("charlie").post(dismissal, {}, status=404)
    other = make_agent(alice)
    elsewhere = dismissal.replace("physicist", other.handle)
    browser.post(elsewhere, {}, status=404)
    item = browser.get(PAGE).css_first("#unanswered li form")
    assert item.attributes["action"] == dismissal

    page = browser.post(dismissal, {})

    assert "Dismissed. Asked again, it comes back." in text_of(page, "#toasts")
    assert asked not in text_of(page, "#unanswered")
    assert "No unanswered question is open." in text_of(page, "#unanswered")
