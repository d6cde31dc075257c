"""The list's filters, its query language, and the search by name.

See docs/contract/agents.md, list and search.
"""

from __future__ import annotations

import pytest

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import services
from webapp.agents.releases import services as releases
from webapp.agents.schemas import AgentPatch, AgentQuery, PublishRequest
from webapp.agents.search import parse
from webapp.core.actor import Actor


@pytest.fixture
def agents(alice: Actor, charlie: Actor) -> None:
    make_agent(alice, name="Triage", model="gpt-4.1", tools=["search", "e mail"])
    make_agent(alice, name="Coding Expert", model="claude", description="Writes 100%_code")
    make_agent(alice, name="Ärzte", model="gpt-4.1-mini", modality="audio_camera")
    make_agent(charlie, name="Triage")
    releases.publish_version("triage", 1, PublishRequest(), actor=alice)


@pytest.mark.parametrize(
    ("q", "text", "qualified"),
    [
        ("code", "code", []),
        ("a model:gpt b", "a b", [("model", "gpt")]),
        ('tool:"e mail" "exact words"', "exact words", [("tool", "e mail")]),
        ("nobody:knows this", "nobody:knows this", []),
        ("model: x", "model: x", []),
        ("status:draft status:published", "", [("status", "draft"), ("status", "published")]),
        ('"unclosed', '"unclosed', []),
    ],
)
def test_the_query_language(q: str, text: str, qualified: list[tuple[str, str]]) -> None:
    terms = parse(q)
    assert (terms.text, terms.qualified) == (text, qualified)


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("", ["Ärzte", "Coding Expert", "Triage"]),
        ("TRIAGE", ["Triage"]),
        ("ärz", ["Ärzte"]),
        ("ÄRZTE", ["Ärzte"]),
        ("100%_c", ["Coding Expert"]),
        ("%", ["Coding Expert"]),
        ("_", ["Coding Expert"]),
        ("coding-exp", ["Coding Expert"]),
        ("model:gpt", ["Ärzte", "Triage"]),
        ("model:GPT-4.1-m", ["Ärzte"]),
        ("tool:search", ["Triage"]),
        ('tool:"e mail"', ["Triage"]),
        ("tool:sear", []),
        ("modality:audio_c", ["Ärzte"]),
        ("status:pub", ["Triage"]),
        ("status:draft model:claude", ["Coding Expert"]),
        ('"coding expert"', ["Coding Expert"]),
        ("expert coding", []),
        ("nothing like it", []),
    ],
)
def test_the_list_finds(alice: Actor, q: str, names: list[str]) -> None:
    found = services.list_agents(AgentQuery(q=q), actor=alice)
    assert [agent.name for agent in found.items] == names
    assert found.total == len(names)


@pytest.mark.parametrize(
    "tool", ["x", "x, ", ", ", 'a"b', "a\\", '"', "]", "é", "mcp:server/tool.v1", "X", "ab", "한국"]
)
def test_a_tool_is_found_as_it_is_written_and_no_other(alice: Actor, tool: str) -> None:
    others = ["x, y", "xx", 'x"', '", "', "\\x", "[x]", "ax", "mcp:server/tool", "a b"]
    make_agent(alice, name="Others", tools=others)
    make_agent(alice, name="It", tools=["first", tool])
    found = services.list_agents(AgentQuery(tool=tool), actor=alice)
    assert [agent.name for agent in found.items] == ["It"]


@pytest.mark.usefixtures("agents")
def test_filters_and_order_of_the_api(cast: Cast, alice: Actor) -> None:
    api = cast.api("vera")

    def names(query: str) -> list[str]:
        return [agent["name"] for agent in api.get(f"/agents?{query}").json]

    assert names("status=published") == ["Triage"]
    assert names("modality=audio_camera") == ["Ärzte"]
    assert names("tool=search") == ["Triage"]
    assert names("sort=name") == ["Coding Expert", "Triage", "Ärzte"]
    assert names("sort=-name") == ["Ärzte", "Triage", "Coding Expert"]
    assert names("sort=created_at") == ["Triage", "Coding Expert", "Ärzte"]
    services.update_agent("triage", AgentPatch(paused=True), actor=alice)
    assert names("active=false") == ["Triage"]
    assert names("sort=-updated_at&limit=1") == ["Triage"]
    for query in ("status=x", "modality=x", "limit=0", "limit=101", "offset=-1", "sort=id",
                  "active=perhaps", f"q={'x' * 256}"):  # fmt: skip
        assert api.get(f"/agents?{query}").status_code == 422, query


@pytest.mark.usefixtures("agents")
def test_the_search_counts_all_and_takes_q_literally(cast: Cast) -> None:
    api = cast.api("vera")
    answer = api.get("/agents/search?q=e&max_results=1").json
    assert answer["total"] == 3
    assert len(answer["agents"]) == 1
    assert answer["filters_applied"] == {"query": "e"}
    everything = api.get("/agents/search").json
    assert (everything["total"], everything["filters_applied"]) == (3, {})
    assert api.get("/agents/search?q=%25").json["total"] == 1
    assert api.get("/agents/search?q=model:gpt").json["total"] == 0
    assert api.get(f"/agents/search?q={'x' * 255}").json["total"] == 0
    for query in (f"q={'x' * 256}", "max_results=0", "max_results=101"):
        assert api.get(f"/agents/search?{query}").status_code == 422
    assert cast.api("charlie").get("/agents/search?q=triage").json["total"] == 1


@pytest.mark.usefixtures("agents")
def test_the_page_keeps_the_filter_in_the_address(browser: Browser) -> None:
    page = browser.get("/agents?q=model:gpt&sort=name")
    assert [node.text() for node in page.css(".row-title")] == ["Triage", "Ärzte"]
    assert page.css_first("input[name=q]").attributes["value"] == "model:gpt"
    assert page.css_first("input[name=sort]").attributes["value"] == "name"
    assert "sort=-name" in page.css_first("th a").attributes["href"]
    assert page.css_first("#agents").attributes["hx-get"] == "/agents?q=model:gpt&sort=name"
    assert "No agent matches" in browser.get("/agents?q=status:archived").body.text()


def test_the_page_shows_what_is_chosen_among_what_there_is(browser: Browser) -> None:
    page = browser.get("/agents?status=draft&modality=audio_camera")
    form = page.css_first("form[role=search]")
    assert form.attributes["action"] == form.attributes["hx-get"] == "/agents"
    assert form.attributes["hx-target"] == "#agents"
    offered = {
        select.attributes["name"]: [words_of(option) for option in select.css("option")]
        for select in form.css("select")
    }
    assert offered == {
        "status": ["Any status", "Draft", "Published", "Deprecated", "Archived"],
        "active": ["Paused or not", "not paused", "paused"],
        "modality": ["Any modality", "Text or voice", "Voice and camera", "Voice and screen"],
    }
    chosen = [option.attributes["value"] for option in form.css("option[selected]")]
    assert chosen == ["draft", "audio_camera"]


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize("q", ["status:paused", "is:paused", "IS:paused cod", "?active=false"])
def test_paused_agents_are_found_and_ask_nobody(cast: Cast, alice: Actor, q: str) -> None:
    services.update_agent("coding-expert", AgentPatch(paused=True), actor=alice)
    browser = cast.browser("alice")
    page = browser.get("/agents" + (q if q.startswith("?") else f"?q={q.lower()}"))
    assert [words_of(link) for link in page.css("tbody .row-title")] == ["Coding Expert"]
    assert "Ask" not in [words_of(link) for link in page.css("tbody .row-actions a")]
    states = [words_of(option) for option in page.css("select[name=active] option")]
    assert states == ["Paused or not", "not paused", "paused"]
    others = browser.get("/agents?active=true")
    assert len(others.css("tbody .row-title")) == 2
    assert {words_of(link) for link in others.css("tbody .row-actions a")} == {"Ask", "Run"}
    none = browser.get("/agents?q=is:paused+nothing")
    assert "status: and is:paused" in words_of(none.css_first("#agents"))


@pytest.mark.parametrize("name", ["status", "model", "modality", "is"])
def test_an_empty_word_behind_a_qualifier_narrows_nothing(
    cast: Cast, alice: Actor, name: str
) -> None:
    """It stands there while somebody types between the quotation marks."""
    make_agent(alice, name='A "is:" of old', description='is:""')
    found = cast.api("alice").get(f"/agents?q={name}:%22%22")
    assert [agent["name"] for agent in found.json] == ['A "is:" of old']
