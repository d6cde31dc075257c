"""The command palette finds pages, things and actions, the best first, for who may use them."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_document
from webapp.agents import services as agents
from webapp.agents.schemas import AgentPatch
from webapp.core.actor import Actor
from webapp.documents import services as documents


def look(browser: Browser, words: str) -> LexborHTMLParser:
    return browser.get(f"/palette?q={words}")


def labels(page: LexborHTMLParser) -> list[str]:
    return [node.css_first("span").text().strip() for node in page.css("[role=option]")]


def form_of(page: LexborHTMLParser, label: str) -> LexborNode:
    option = next(
        node for node in page.css("[role=option]") if node.css_first("span").text() == label
    )
    return page.css_first(f"form#{option.attributes['form']}")


def send(browser: Browser, form: LexborNode) -> LexborHTMLParser:
    """Send a form of the palette from the list of agents, and follow it."""
    fields = {
        str(field.attributes["name"]): field.attributes.get("value") or ""
        for field in form.css("input")
        if field.attributes["name"] != "csrf_token"
    }
    browser.post(
        str(form.attributes["action"]), fields, status=303, headers={"Referer": "/agents?q=tri"}
    )
    return browser.get("/agents")


def test_the_best_match_stands_first(alice: Actor, browser: Browser) -> None:
    make_agent(alice, handle="a", name="Quay Ferry")
    make_agent(alice, handle="b", name="Agent of agents")
    make_document(alice, title="Settings of pumps")
    assert labels(look(browser, "agents"))[0] == "Agents"
    assert labels(look(browser, "quay"))[0] == "Quay Ferry"
    assert labels(look(browser, "qf"))[0] == "Quay Ferry"  # by its initials
    assert labels(look(browser, "settings of"))[0] == "Settings of pumps"
    assert labels(look(browser, "dark mode"))[0] == "Dark theme"
    assert labels(look(browser, "qqq")) == [
        "Find agents with “qqq”", "Find documents titled “qqq”", "Search all texts for “qqq”",
        "Find executions with “qqq”",
    ]  # fmt: skip


def test_an_agent_is_found_by_what_it_is_for_behind_those_named_so(
    cast: Cast, alice: Actor, charlie: Actor, browser: Browser
) -> None:
    text = f"Answers what {20 * 'people '}ask about moorings and 100% of the tides."
    make_agent(alice, handle="a", name="Harbour master", description=text)
    make_agent(alice, handle="b", name="Moorings")
    make_agent(charlie, handle="c", name="Theirs", description="Moorings too.")
    page = look(browser, "moorings")
    assert labels(page)[:2] == ["Moorings", "Harbour master"]
    hint = words_of(page.css("[role=option]")[1])
    assert "a · …" in hint
    assert "ask about moorings and 100%" in hint
    assert labels(look(browser, "MOORINGS AND"))[0] == "Harbour master"
    assert "Harbour master" in labels(look(browser, "100%25"))
    assert "Harbour master" not in labels(look(browser, "moor%25tides"))


def test_an_agent_is_paused_and_resumed_from_wherever_one_is(
    alice: Actor, browser: Browser
) -> None:
    make_agent(alice, handle="triage", name="Triage Agent")
    make_agent(alice, handle="guide", name="Guide")
    page = look(browser, "pause tri")
    assert labels(page)[0] == "Pause Triage Agent"
    assert "Resume Triage Agent" not in labels(page)
    form = form_of(page, "Pause Triage Agent")
    assert "data-confirm" not in form.attributes
    page = send(browser, form)
    assert "Triage Agent is paused." in words_of(page.css_first("#toasts"))
    assert agents.get_agent("triage", actor=alice).paused
    page = look(browser, "resume")
    assert labels(page)[0] == "Resume Triage Agent"
    send(browser, form_of(page, "Resume Triage Agent"))
    assert not agents.get_agent("triage", actor=alice).paused


def test_a_form_of_the_palette_leads_back_to_where_it_was_sent_from(
    alice: Actor, browser: Browser
) -> None:
    make_agent(alice, handle="triage")
    sent = {"paused": "true", "stay": "1"}
    for referrer, expected in (
        ("http://localhost/tasks?status=failed", "/tasks?status=failed"),
        ("http://localhost//elsewhere.example/", "/agents/triage/settings"),
        ("http://localhost/no/such/page", "/agents/triage/settings"),
        ("", "/agents/triage/settings"),
    ):
        response = browser.client.post(
            "/agents/triage/pause",
            data=sent | {"csrf_token": browser.csrf_token()},
            headers={"Referer": referrer},
        )
        assert response.headers["Location"] == expected


def test_what_publishes_or_deletes_asks_first(alice: Actor, browser: Browser) -> None:
    make_agent(alice, handle="triage", name="Triage Agent")
    page = look(browser, "publish triage")
    assert labels(page)[:2] == [
        "Publish Triage Agent to staging", "Publish Triage Agent to production",
    ]  # fmt: skip
    form = form_of(page, "Publish Triage Agent to production")
    assert form.attributes["data-confirm"] == "Publish version 1 of Triage Agent?"
    assert form.attributes["data-confirm-verb"] == "Publish to production"
    assert labels(look(browser, "publish triage to prod"))[0] == (
        "Publish Triage Agent to production"
    )
    send(browser, form)
    assert agents.get_agent("triage", actor=alice).runs("production")
    assert "Publish Triage Agent to production" not in labels(look(browser, "publish triage"))
    form = form_of(look(browser, "delete tri"), "Delete Triage Agent")
    assert form.attributes["data-confirm-keep"] == "Keep"
    assert "Triage Agent is deleted." in words_of(send(browser, form).css_first("#toasts"))


@pytest.mark.parametrize(
    ("who", "offered", "withheld"),
    [
        ("bob", {"Ask Triage Agent", "Sign out", "Dark theme"}, {"Pause Triage Agent"}),
        ("vera", {"Sign out", "Dark theme"}, {"Pause Triage Agent", "Ask Triage Agent"}),
        ("charlie", {"Sign out"}, {"Pause Triage Agent", "Ask Triage Agent", "Triage Agent"}),
    ],
)
def test_only_what_one_may_do_is_offered(
    cast: Cast, alice: Actor, who: str, offered: set[str], withheld: set[str]
) -> None:
    make_agent(alice, handle="triage", name="Triage Agent")
    browser = cast.browser(who)
    found = {
        label
        for words in ("pause", "ask", "sign out", "dark", "triage", "delete", "publish")
        for label in labels(look(browser, words))
    }
    assert offered <= found
    assert not withheld & found


def test_the_theme_is_changed_and_coverage_refreshed(
    cast: Cast, alice: Actor, browser: Browser
) -> None:
    page = send(browser, form_of(look(browser, "dark"), "Dark theme"))
    assert page.css_first("html").attributes["data-theme"] == "dark"
    assert "Dark theme it is." in words_of(page.css_first("#toasts"))
    make_agent(alice, handle="anybody", name="Anybody")
    assert "Refresh coverage of Anybody" not in labels(look(browser, "refresh"))


def test_in_a_large_organization_names_are_found_by_how_they_begin(
    alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        make_agent(alice, handle=f"old-{number}", name=f"Ölpumpe {number}")
        make_document(alice, title=f"Old {number}", external_id=f"x/{number}")
    make_agent(alice, handle="newest", name="New")
    make_document(alice, title="New")
    agents.update_agent("old-0", AgentPatch(name="Zzz"), actor=alice)
    monkeypatch.setattr(agents, "RECENT_COUNT", 2)
    monkeypatch.setattr(documents, "RECENT_COUNT", 2)

    def found(words: str) -> list[str]:
        return [agent.name for agent in agents.suggest_agents(words, limit=6, actor=alice)]

    assert found("") == ["Zzz", "New", "Ölpumpe 3", "Ölpumpe 2", "Ölpumpe 1"]
    assert found("ÖLPUMPE 1") == ["Ölpumpe 1"]
    assert set(found("ölp")) <= {f"Ölpumpe {number}" for number in (1, 2, 3)}
    assert len(found("ölp")) == 2
    assert found("old-1") == ["Ölpumpe 1"]
    assert found("pumpe 1") == []
    titles = documents.suggest_documents("x/0", limit=6, actor=alice)
    assert [document.title for document in titles] == ["Old 0"]


def test_an_open_agent_stands_first_among_those_that_fit_as_well(
    cast: Cast, alice: Actor, charlie: Actor, browser: Browser
) -> None:
    make_agent(alice, handle="open", name="Opened")
    for number in range(8):
        make_agent(alice, handle=f"other-{number}", name=f"Other {number}")
    make_agent(charlie, handle="theirs", name="Theirs")
    assert labels(browser.get("/palette?q=delete"))[0] != "Delete Opened"
    assert labels(browser.get("/palette?q=delete&agent=open"))[0] == "Delete Opened"
    # What is named goes before it, and what is not there is nobody's.
    assert labels(browser.get("/palette?q=delete+other+3&agent=open"))[0] == "Delete Other 3"
    assert "Delete Theirs" not in labels(browser.get("/palette?q=delete&agent=theirs"))


def test_an_exact_name_goes_before_one_that_begins_so(alice: Actor, browser: Browser) -> None:
    make_agent(alice, handle="exact", name="Pump")
    make_agent(alice, handle="longer", name="Pump station")
    assert labels(browser.get("/palette?q=delete+pump&agent=longer"))[0] == "Delete Pump"
    assert labels(browser.get("/palette?q=upload"))[0] == "Add documents"
