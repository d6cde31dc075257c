"""The pages of models: what there is, one of them, its form, its test, its end."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_model
from tests.follower import Follower
from webapp.catalog import services
from webapp.catalog.models import ModelConfig
from webapp.catalog.schemas import ModelChanges
from webapp.core.actor import Actor
from webapp.core.extensions import db

FORM = {
    "provider": "openai-compatible", "model": "llama3.2", "name": "",
    "base_url": "http://127.0.0.1:11434/v1", "api_key": "sk-garnet", "input_cost": "0",
    "output_cost": "0", "max_context_tokens": "8192",
}  # fmt: skip


@pytest.fixture
def browser(cast: Cast) -> Browser:
    return cast.browser("alice")


def stored() -> ModelConfig:
    db.session.expire_all()
    return db.session.scalars(select(ModelConfig)).one()


def test_without_models_the_list_says_what_there_is_and_the_next_step(
    browser: Browser, cast: Cast
) -> None:
    page = browser.get("/models")
    assert "built in, offline" in words_of(page.css_first("#models tbody"))
    assert "extractive needs no key and no network" in words_of(page.css_first(".empty"))
    assert page.css_first(".empty a").attributes["href"] == "/models/new"
    assert page.css_first("nav.tabs [aria-current]").text() == "Models"
    page = cast.browser("vera").get("/models")
    assert "An admin can add others." in words_of(page.css_first(".empty"))
    assert not page.css("a[href='/models/new']")


def test_a_model_is_added_changed_and_deleted(browser: Browser, cast: Cast) -> None:
    browser.get("/models/new")
    page = browser.post("/models", FORM)
    model = stored()
    assert words_of(page.css_first("h1")) == "openai-compatible:llama3.2"
    assert "garnet" not in page.html
    assert model.as_order()["api_key"] == "sk-garnet"
    path = f"/models/{model.id}"
    # An empty field for the key leaves it.
    browser.post(path, FORM | {"api_key": "", "name": "Ollama", "input_cost": "0.5"}, status=303)
    model = stored()
    assert (model.name, model.input_cost, model.as_order()["api_key"]) == (
        "Ollama", 0.5, "sk-garnet",
    )  # fmt: skip
    browser.post(path, FORM | {"api_key": "", "removes_key": "y", "input_cost": ""}, status=303)
    model = stored()
    assert (model.as_order()["api_key"], model.input_cost) == (None, None)
    assert "no price" in words_of(browser.get("/models").css_first(f"#model-{model.id}"))
    page = browser.get(path)
    assert not page.css("#removes_key")
    browser.post(f"{path}/deletion", status=303)
    assert db.session.scalars(select(ModelConfig)).all() == []


def test_what_is_refused_stands_at_its_field_and_the_key_is_not_sent_back(
    browser: Browser,
) -> None:
    for change, field, words in (
        ({"base_url": "127.0.0.1"}, "base_url", "must begin with http://"),
        ({"base_url": ""}, "base_url", "Say where its server is."),
        ({"model": ""}, "model", "required"),
        ({"input_cost": "much"}, "input_cost", "decimal"),
        ({"name": "extractive"}, "name", "There is a model called extractive already."),
    ):
        page = browser.post("/models", FORM | change, status=422)
        assert words in words_of(page.css_first(f"#{field}-error"))
        assert "garnet" not in page.html
    browser.post("/models", FORM, status=303)
    path = f"/models/{stored().id}"
    elsewhere = FORM | {"api_key": "", "base_url": "http://127.0.0.1:1/v1"}
    page = browser.post(path, elsewhere, status=422)
    assert "given for another server" in words_of(page.css_first("#api_key-error"))
    assert stored().base_url == FORM["base_url"]


def test_another_model_in_the_form_has_prices_of_its_own(browser: Browser) -> None:
    form = {"provider": "openai", "model": "gpt-4o", "input_cost": "", "output_cost": ""}
    browser.post("/models", form, status=303)
    model = stored()
    assert (model.input_cost, model.output_cost) == (2.5, 10)
    drawn = {
        node.attributes["name"]: node.attributes.get("value") or ""
        for node in browser.get(f"/models/{model.id}").css("form.form input[name]")
        if node.attributes["name"] != "csrf_token" and node.attributes["type"] != "checkbox"
    }
    assert drawn["input_cost"] == "2.5"
    change = drawn | {"provider": "openai", "model": "gpt-4o-mini", "output_cost": "9"}
    browser.post(f"/models/{model.id}", change, status=303)
    model = stored()
    assert (model.input_cost, model.output_cost) == (0.15, 9)


def test_the_page_names_the_agents_and_the_question_does_too(
    browser: Browser, alice: Actor, cast: Cast
) -> None:
    model = make_model(alice, name="main")
    for number in range(5):
        make_agent(alice, name=f"Agent {number}", model="main")
    page = browser.get(f"/models/{model.id}")
    assert page.css_first("a[href='/agents/agent-0']").text() == "Agent 0"
    [asks] = page.css(f"form[action='/models/{model.id}/deletion']")
    assert asks.attributes["data-confirm"] == "Delete model main?"
    assert asks.attributes["data-confirm-sentence"] == (
        "It is the model of Agent 0, Agent 1, Agent 2 and 2 more, which cannot run without it. "
        "Its key goes with it."
    )
    page = cast.browser("vera").get(f"/models/{model.id}")
    assert not page.css("main form")
    assert "$1" in words_of(page.css_first(".facts"))


def test_the_default_is_chosen_on_its_page_and_in_a_new_agent_s_form(
    browser: Browser, alice: Actor
) -> None:
    model = make_model(alice, name="main")
    browser.post(f"/models/{model.id}/default", status=303)
    assert "default" in words_of(browser.get("/models").css_first(f"#model-{model.id}"))
    assert browser.get("/agents/new").css_first("#model").attributes["value"] == "main"
    browser.post("/models/extractive/default", status=303)
    assert browser.get("/agents/new").css_first("#model").attributes["value"] == "extractive"


def test_who_looks_is_told_of_a_change(cast: Cast, alice: Actor) -> None:
    model = make_model(alice)
    follower = Follower(cast, "vera", "/ws/live?feed=models:all")
    try:
        before = follower.receive()
        assert "models-revision" in before
        services.update_model(str(model.id), ModelChanges(input_cost=3), actor=alice)
        assert follower.receive() != before
    finally:
        follower.close()


def test_a_test_that_no_worker_takes_says_so_after_a_while(browser: Browser, alice: Actor) -> None:
    model = make_model(alice)
    browser.post(f"/models/{model.id}/tests", status=303)
    page = browser.get(f"/models/{model.id}")
    assert "Asking it" in words_of(page.css_first("#model-test"))
    assert not page.css("#model-test button")
    begun = "2026-01-31T09:30:00Z"
    row = stored()
    row.last_test = dict(row.last_test or {}) | {"begun_at": begun}
    db.session.commit()
    page = browser.get(f"/models/{model.id}")
    assert "No worker has finished it." in words_of(page.css_first("#model-test"))
    assert page.css_first("#model-test button").text() == "Test"
