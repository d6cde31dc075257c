"""What the form of an agent offers: agents to hand off to, tools and models in use."""

from __future__ import annotations

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_model
from webapp.agents import choices
from webapp.core.actor import Actor


def offered(browser: Browser, path: str) -> list[str | None]:
    page = browser.client.get(path, headers={"HX-Request": "true"}).text
    return [option.split('"')[0] for option in page.split('data-value="')[1:]]


def test_agents_are_offered_by_name_and_handle_but_not_itself(
    browser: Browser, alice: Actor, charlie: Actor
) -> None:
    for handle, name in (("first", "Receptionist"), ("second", "Reception desk"), ("x", "Other")):
        make_agent(alice, handle=handle, name=name)
    make_agent(charlie, handle="theirs", name="Receptionist")
    assert set(offered(browser, "/agents/search/handoffs?q=reception")) == {"first", "second"}
    assert offered(browser, "/agents/search/handoffs?q=reception&agent=first") == ["second"]
    assert offered(browser, "/agents/search/handoffs?q=theirs") == []
    told = browser.client.get("/agents/search/handoffs?q=nobody").text
    assert "No agent is called “nobody”." in told
    told = browser.client.get("/agents/search/handoffs?q=first&agent=first").text
    assert "An agent cannot hand off to itself." in told


def test_the_very_handle_is_offered_first_however_many_match(alice: Actor) -> None:
    make_agent(alice, handle="a", name="Z")
    for number in range(choices.MAX_OFFERED):
        make_agent(alice, handle=f"a-{number}", name="Many")
    found = choices.find_targets("a", actor=alice)
    assert found[0][0] == "a"
    assert len(found) <= choices.MAX_OFFERED + 1


def test_tools_in_use_are_offered_and_what_was_typed(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a", tools=["web_search", "calculator"])
    make_agent(alice, handle="b", tools=["web_search", "web_fetch"])
    assert offered(browser, "/agents/search/tools?q=web") == ["web", "web_search", "web_fetch"]
    assert offered(browser, "/agents/search/tools?q=web_fetch") == ["web_fetch"]
    assert offered(browser, "/agents/search/tools") == ["web_search", "web_fetch", "calculator"]


def test_a_tool_that_no_agent_has_is_doubted_and_the_very_name_is_known_however_many_match(
    browser: Browser, alice: Actor
) -> None:
    many = [f"web_{number}" for number in range(choices.MAX_OFFERED)]
    make_agent(alice, handle="a", tools=many)
    make_agent(alice, handle="b", tools=[*many, "web"])
    assert choices.find_tools("web", actor=alice)[0] == "web"
    told = browser.client.get("/agents/search/tools?q=web").text
    assert "data-doubt" not in told
    told = browser.client.get("/agents/search/tools?q=wev").text
    assert (
        'data-doubt="No recent agent has a tool “wev”. It is kept; look at its spelling."' in told
    )


def test_of_a_model_that_is_not_in_the_catalog_the_form_and_the_agent_say_so(
    browser: Browser, alice: Actor
) -> None:
    told = "Not among the models of Settings: the agent cannot run with it until an admin adds it"
    make_agent(alice, handle="plain")
    make_agent(alice, handle="hopeful", model="gpt-9")
    for handle, is_told in (("plain", False), ("hopeful", True)):
        note = browser.get(f"/agents/{handle}/edit").css_first("[data-unless-models]")
        assert words_of(note).startswith(told)
        assert ("hidden" in note.attributes) is not is_told
        page = words_of(browser.get(f"/agents/{handle}").css_first("#agent-overview"))
        assert (told in page) is is_told
    assert "hidden" in browser.get("/agents/new").css_first("[data-unless-models]").attributes
    form = {"name": "New", "instructions": "x", "model": "gpt-9", "modality": "audio_only"}
    page = browser.post("/agents", form)
    assert told in words_of(page.css_first("#agent-overview"))
    model = make_model(alice, name="gpt-9")
    for named in ("gpt-9", str(model.id), "openai:gpt-9"):
        agent = make_agent(alice, model=named)
        page = browser.get(f"/agents/{agent.handle}").css_first("#agent-overview")
        assert told not in words_of(page)
        assert page.css_first(f"a[href='/models/{model.id}']").text() == "gpt-9"
        note = browser.get(f"/agents/{agent.handle}/edit").css_first("[data-unless-models]")
        assert "hidden" in note.attributes
    assert words_of(browser.get("/agents").css_first("tbody")).count("gpt-9") == 5


def test_models_in_use_are_offered_and_any_other_may_be_typed(
    browser: Browser, cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="a", model="gpt-4.1")
    page = browser.get("/agents/a/edit")
    assert page.css_first("#model").attributes["list"] == "models"
    models = [option.attributes["value"] for option in page.css("#models option")]
    assert models == ["gpt-4.1", "extractive"]
    assert page.css_first("#tools").attributes["data-chips"] == "/agents/search/tools"
    assert (
        page.css_first("#handoff_targets").attributes["data-chips"]
        == "/agents/search/handoffs?agent=a"
    )
    # Without scripts it is a field of words.
    form = {"name": "B", "instructions": "x", "model": "own/model", "modality": "audio_only"}
    browser.post("/agents", form | {"tools": "one, two", "handoff_targets": "a"})
    made = cast.api("alice").get("/agents/b").json
    assert (made["model"], made["tools"], len(made["handoff_targets"])) == (
        "own/model",
        ["one", "two"],
        1,
    )
    assert "own/model" in [
        option.attributes["value"] for option in browser.get("/agents/new").css("#models option")
    ]
    assert words_of(browser.get("/agents/new").css_first("#model-hint"))
