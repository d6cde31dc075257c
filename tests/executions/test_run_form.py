"""The form of a run, made from the agent's input_schema."""

from __future__ import annotations

from typing import Any

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.executions.models import Execution

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["city", "count", "express"],
    "properties": {
        "city": {"type": "string", "maxLength": 8, "description": "Where it goes to"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "title": "How many"},
        "express": {"type": "boolean"},
        "size": {"enum": ["small", "large", 3]},
        "items": {"type": "array", "items": {"type": "string"}},
        "weight": {"type": "number"},
        "data": {"type": "object"},
    },
}
CITY, COUNT, EXPRESS, SIZE, ITEMS, WEIGHT, DATA = (f"field-{number}" for number in range(7))
GOOD = {CITY: "Bonn", COUNT: "2", EXPRESS: "false"}


def stored_input() -> Any:
    db.session.rollback()
    return db.session.scalars(db.select(Execution)).one().input


def errors_of(page: Any) -> dict[str, str]:
    return {
        str(node.attributes["id"]).removesuffix("-error"): words_of(node)
        for node in page.css(".field .error")
    }


def test_without_a_schema_one_says_what_to_do(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    browser = cast.browser("bob")
    page = browser.get("/agents/helper/run")
    assert words_of(page.css_first("label[for=field-0]")) == "Prompt"
    refused = browser.post("/agents/helper/run", {"field-0": ""}, status=422)
    assert errors_of(refused) == {"field-0": "This is needed."}
    browser.post("/agents/helper/run", {"field-0": "Who repairs the lift?"})
    execution = db.session.scalars(db.select(Execution)).one()
    assert execution.input == {"prompt": "Who repairs the lift?"}
    assert execution.trigger == "manual"
    assert browser.response and browser.response.request.path == f"/executions/{execution.id}"


def test_each_property_is_a_field_and_what_is_empty_is_left_out(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="desk", input_schema=SCHEMA)
    browser = cast.browser("bob")
    page = browser.get("/agents/desk/run")
    labels = [words_of(label) for label in page.css("form.run-form label")]
    assert labels == [
        "city", "How many", "express", "size (optional)", "items (optional)",
        "weight (optional)", "data (optional)",
    ]  # fmt: skip
    assert [words_of(o) for o in page.css(f"#{SIZE} option")] == ["–", "small", "large", "3"]
    browser.post(
        "/agents/desk/run", GOOD | {SIZE: "3", ITEMS: '["a"]', WEIGHT: "1.5", DATA: '{"a": null}'}
    )
    assert stored_input() == {
        "city": "Bonn", "count": 2, "express": False, "size": 3, "items": ["a"], "weight": 1.5,
        "data": {"a": None},
    }  # fmt: skip


def test_what_is_wrong_stands_at_the_field_and_what_was_typed_stays(
    cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="desk", input_schema=SCHEMA)
    browser = cast.browser("bob")

    def refused(**fields: str) -> dict[str, str]:
        values = GOOD | {name.replace("_", "-"): value for name, value in fields.items()}
        page = browser.post("/agents/desk/run", values, status=422)
        return errors_of(page)

    assert refused(field_0="") == {CITY: "This is needed."}
    assert refused(field_1="two") == {COUNT: "This must be a whole number."}
    assert refused(field_4="[1") == {ITEMS: "This is not JSON (line 1)."}
    assert refused(field_4="{}") == {ITEMS: "This must be a JSON list, in square brackets."}
    assert refused(field_6="[]") == {DATA: "This must be a JSON object, in curly brackets."}
    assert refused(field_3='"huge"') == {SIZE: "This is none of the values."}
    assert refused(field_5="nan") == {WEIGHT: "This must be a number."}
    assert refused(field_4="[1]") == {ITEMS: "0: 1 is not of type 'string'"}
    assert refused(field_0="Düsseldorf") == {CITY: "'Düsseldorf' is too long"}
    assert refused(field_1="12") == {COUNT: "12 is greater than the maximum of 9"}
    page = browser.post("/agents/desk/run", GOOD | {COUNT: "two", ITEMS: "[1"}, status=422)
    assert page.css_first(f"#{COUNT}").attributes["value"] == "two"
    assert words_of(page.css_first(f"#{ITEMS}")) == "[1"
    assert db.session.scalars(db.select(Execution)).all() == []


def test_a_schema_without_properties_takes_json(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="desk", input_schema={"type": "object", "minProperties": 1})
    browser = cast.browser("bob")
    refused = browser.post("/agents/desk/run", {"field-0": "[]"}, status=422)
    assert errors_of(refused) == {"field-0": "This must be a JSON object, in curly brackets."}
    browser.post("/agents/desk/run", {"field-0": '{"a": 1}'})
    assert stored_input() == {"a": 1}


def test_the_version_is_chosen_and_an_earlier_input_filled_in(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="desk", input_schema=SCHEMA)
    api = cast.api("alice")
    api.put("/agents/desk", {"description": "Changed"})
    published = api.post("/agents/desk/versions/1/publish", {"environment": "production"})
    assert published.status_code < 300
    browser = cast.browser("bob")
    chosen = browser.get("/agents/desk/run").css_first(".run-version [aria-current]")
    assert words_of(chosen) == "Production 1.0.0"
    browser.post("/agents/desk/run?version=2", GOOD)
    execution = db.session.scalars(db.select(Execution)).one()
    assert execution.agent_version == 2
    again = browser.get(f"/agents/desk/run?from={execution.id}")
    assert again.css_first(f"#{CITY}").attributes["value"] == "Bonn"
    assert again.css_first(f"#{COUNT}").attributes["value"] == "2"
    selected = again.css_first(f"#{EXPRESS} option[selected]")
    assert selected and words_of(selected) == "no"


def test_what_cannot_run_says_so_before(cast: Cast, alice: Actor, browser: Browser) -> None:
    make_agent(alice, handle="desk", model="nobody:knows")
    page = browser.get("/agents/desk/run")
    assert "There is no model nobody:knows" in words_of(page.css_first("main"))
    page = browser.get("/agents/desk/run?environment=staging")
    assert "staging runs no release of desk." in words_of(page.css_first("main"))
    assert not page.css("form.run-form")
    assert "answers nobody" not in page.text()
    browser.get("/agents/desk/run?version=99")
    cast.browser("vera").get("/agents/desk/run", status=403)
