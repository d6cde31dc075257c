"""Input and output schemas: JSON Schema 2020-12, checked when saved."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import services
from webapp.agents.forms import SCHEMA_EXAMPLES
from webapp.agents.json_schemas import check_schema
from webapp.core.actor import Actor

GOOD: list[dict[str, Any]] = [
    {},
    {"type": "object", "properties": {"a": {"type": "string", "pattern": "^x+$"}}},
    {"$defs": {"tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}}}},
     "$ref": "#/$defs/tree"},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "integer"},
    {"anyOf": [{"type": "null"}, {"items": {"$ref": "#"}}]},
    {"$defs": {"a/b~c": {"$anchor": "tea", "type": "string"}},
     "allOf": [{"$ref": "#tea"}, {"$ref": "#/$defs/a~1b~0c"}]},
    {"$defs": {"a": {"$id": "urn:tea", "type": "string"}}, "$ref": "urn:tea"},
    *SCHEMA_EXAMPLES.values(),
]  # fmt: skip
BAD = [
    ({"type": "strin"}, "type"),
    ({"properties": {"a": {"type": 3}}}, "properties.a.type"),
    ({"required": "a"}, "required"),
    ({"properties": {"a": {"pattern": "("}}}, "properties.a.pattern"),
    ({"minimum": "1"}, "minimum"),
    ({"$ref": "https://example.com/schema.json"}, "$ref"),
    ({"properties": {"a": {"$ref": "other.json#/a"}}}, "properties.a.$ref"),
    ({"$ref": "#/$defs/nobody"}, "$ref: '#/$defs/nobody' leads nowhere"),
    ({"prefixItems": [{}], "$ref": "#/prefixItems/1"}, "$ref: '#/prefixItems/1' leads nowhere"),
    ({"prefixItems": [{}], "$ref": "#/prefixItems/a"}, "$ref: '#/prefixItems/a' leads nowhere"),
    ({"$ref": "#nobody"}, "$ref: there is no anchor 'nobody'"),
    ({"$defs": {"a": {"$anchor": "tea", "$ref": "#tea"}}}, "$defs.a: refers to itself"),
    ({"$ref": "#"}, "the schema: refers to itself without end"),
    ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}},
      "$ref": "#/$defs/a"}, "$defs.a: refers to itself without end"),
]  # fmt: skip


@pytest.mark.parametrize("schema", GOOD)
def test_a_good_schema_passes(schema: dict[str, Any]) -> None:
    check_schema(schema)


@pytest.mark.parametrize(("schema", "path"), BAD)
def test_a_bad_schema_is_refused_with_the_path(
    cast: Cast, alice: Actor, schema: dict[str, Any], path: str
) -> None:
    make_agent(alice, handle="a")
    refused = cast.api("alice").put("/agents/a", {"output_schema": schema})
    assert refused.status_code == 422
    (error,) = refused.json["errors"]
    assert error["field"] == "output_schema"
    assert path in error["message"], error
    assert services.get_agent("a", actor=alice).current_version == 1


def test_the_order_of_properties_survives(cast: Cast) -> None:
    schema = {"type": "object", "properties": {"z": {}, "a": {}, "m": {}}}
    body = {"name": "A", "instructions": "Do.", "input_schema": schema}
    api = cast.api("alice")
    api.post("/agents", body)
    assert list(api.get("/agents/a").json["input_schema"]["properties"]) == ["z", "a", "m"]


def test_the_page_says_what_is_wrong_and_offers_examples(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    page = browser.get("/agents/a/edit")
    assert len(page.css("[data-example]")) == 2 * len(SCHEMA_EXAMPLES)
    form = {"name": "A", "instructions": "Do.", "model": "m", "modality": "audio_only",
            "strategy": "hybrid", "top_k": "5"}  # fmt: skip
    for text, sentence in (
        ("{", "This is not JSON (line 1)"),
        ("[]", "must be a JSON object"),
        ('{"a": NaN}', "This is not JSON"),
        ('{"type": "strin"}', "type"),
    ):
        page = browser.post("/agents/a", form | {"input_schema": text}, status=422)
        assert sentence in page.css_first("#input_schema-error").text()
        # What was typed is still there.
        assert page.css_first("#input_schema").text().strip() == text
    browser.post("/agents/a", form | {"input_schema": '{"type": "object"}'})
    assert services.get_agent("a", actor=alice).input_schema == {"type": "object"}
