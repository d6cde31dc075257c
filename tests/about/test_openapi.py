"""The API's document: names that generators take, examples that are read, and nothing left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from pydantic import BaseModel

from tests.contract import Contract
from webapp.core.schemas import read

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture
def contract(app: APIFlask) -> Contract:
    return Contract.of(app)


@pytest.fixture
def document(contract: Contract) -> dict[str, Any]:
    return contract.document


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_it_is_valid_and_knows_where_it_is_served(document: dict[str, Any]) -> None:
    from openapi_spec_validator import validate

    validate(document)
    assert document["servers"] == [{"url": "/", "description": "This installation"}]


def test_it_names_the_api_and_no_pages(app: APIFlask, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith("/api/v1") and method not in ("HEAD", "OPTIONS")
    }
    assert {(method, path) for method, path, _ in operations(document)} == served


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert not [
        name for name in names if not re.fullmatch(r"[a-z]+[A-Za-z]*\.[a-z]+[A-Za-z]*", name)
    ]


def test_every_schema_has_one_name_that_is_a_word(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert not [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z]+", name)]
    assert not [name for name, schema in schemas.items() if schema["title"] != name]
    written = str(document)
    assert not [name for name in schemas if f"schemas/{name}'" not in written], "Nobody uses it."


def enums_in(part: Any) -> Iterator[tuple[str, ...]]:
    if isinstance(part, list):
        for item in part:
            yield from enums_in(item)
    elif isinstance(part, dict):
        if "enum" in part:
            yield tuple(part["enum"])
        for name, item in part.items():
            if name not in ("example", "examples", "default"):
                yield from enums_in(item)


def test_an_enum_that_stands_twice_has_a_name(document: dict[str, Any]) -> None:
    found = list(enums_in(document))
    assert ("hybrid", "keyword", "vector") in found
    assert sorted(found) == sorted(set(found))


def test_every_operation_says_who_may_use_it(app: APIFlask, document: dict[str, Any]) -> None:
    public = {path for _, path, operation in operations(document) if operation["security"] == []}
    assert public == {"/api/v1/health", "/api/v1/health/ready"}


def test_every_address_of_an_agent_says_that_a_handle_will_do(document: dict[str, Any]) -> None:
    described = [
        parameter["description"]
        for _, _, operation in operations(document)
        for parameter in operation["parameters"]
        if (parameter["name"], parameter["in"]) == ("agent_id", "path")
    ]
    assert len(described) > 20
    assert set(described) == {"Its UUID or its handle"}


def test_a_body_must_be_there_and_has_one_media_type(document: dict[str, Any]) -> None:
    bodies = [operation["requestBody"] for _, _, operation in operations(document)
              if "requestBody" in operation]  # fmt: skip
    assert len(bodies) > 20
    assert all(body["required"] and len(body["content"]) == 1 for body in bodies)


def test_every_example_is_what_its_schema_says(contract: Contract) -> None:
    for method, path, operation in operations(contract.document):
        responses = [contract._resolve(response) for response in operation["responses"].values()]
        for part in [operation.get("requestBody", {}), *responses]:
            for media_type, kind in part.get("content", {}).items():
                assert kind.get("example") is not None, (method, path)
                if media_type == "application/json":
                    contract.validate(kind["schema"], kind["example"], f"{method} {path}")


def test_the_example_of_a_body_is_read(app: APIFlask, document: dict[str, Any]) -> None:
    checked = 0
    for rule in app.url_map.iter_rules():
        spec = getattr(app.view_functions[rule.endpoint], "_spec", {})
        model = spec.get("body")
        if not rule.rule.startswith("/api/v1") or model is None:
            continue
        assert issubclass(model, BaseModel)
        method = next(iter(set(rule.methods or ()) - {"OPTIONS", "HEAD"})).lower()
        path = re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
        content = document["paths"][path][method]["requestBody"]["content"]
        example = content["application/json"]["example"]
        assert example, f"{model.__name__} has no example."
        read(model, example)
        checked += 1
    assert checked > 15


def test_every_socket_is_described(app: APIFlask, document: dict[str, Any]) -> None:
    sockets = {
        re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/ws/")
    }
    assert set(document["x-websockets"]) == sockets
    for path, socket in document["x-websockets"].items():
        assert socket["sends"]
        assert socket["example"]
        assert f"WS {path}" in document["info"]["description"]
