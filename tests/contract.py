"""The API's document held against what the API really answers."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

BASE = "/api/v1"
PROBLEM = "application/problem+json"


class Contract:
    """Every answer is one that the document names: its status, media type, headers and fields.

    A field that the document does not name is an error too.
    """

    def __init__(self, app: APIFlask) -> None:
        # From an address of its own: whatever a test counts, this request is none of it.
        client = FlaskClient(app, app.response_class)
        from_elsewhere = {"REMOTE_ADDR": "192.0.2.254"}
        answer = client.get("/openapi.json", environ_overrides=from_elsewhere)
        self.document = answer.get_json()
        components = _closed(self.document["components"])
        self._components = {"components": components}
        self._validators: dict[str, Any] = {}
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "([^/]+)", path)), path)
            for path in sorted(self.document["paths"], key=lambda path: path.count("{"))
        ]

    @classmethod
    def of(cls, app: APIFlask) -> Contract:
        """The contract of an application, read once."""
        if "contract" not in app.extensions:
            with app.app_context():
                app.extensions["contract"] = cls(app)
        contract: Contract = app.extensions["contract"]
        return contract

    def check(self, method: str, path: str, answer: TestResponse) -> None:
        """AssertionError where the document says otherwise."""
        path = f"{BASE}/{path.removeprefix('/api/').removeprefix('v1/')}"
        operation = self.operation(method, path)
        where = f"{method} {path} {answer.status_code}"
        if operation is None:
            responses = {str(answer.status_code): _problem()}
        else:
            responses = operation["responses"]
        assert str(answer.status_code) in responses, f"{where} is not in the document."
        response = self._resolve(responses[str(answer.status_code)])
        for name, header in response.get("headers", {}).items():
            assert name in answer.headers or not header.get("required"), f"{where}: no {name}"
        content = response.get("content", {})
        if not content:
            assert not answer.data, f"{where} has a body."
            return
        if "application/octet-stream" in content and answer.status_code < 400:
            return
        assert answer.mimetype in content, f"{where} is {answer.mimetype}, not {list(content)}."
        if answer.mimetype in ("application/json", PROBLEM):
            self.validate(content[answer.mimetype]["schema"], answer.get_json(force=True), where)

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What the document says about a request; None where it names no such address."""
        for pattern, name in self._paths:
            operations: dict[str, Any] = self.document["paths"][name]
            if pattern.fullmatch(path) and method.lower() in operations:
                return dict(operations[method.lower()])
        return None

    def validate(self, schema: dict[str, Any], value: Any, where: str) -> None:
        """Hold one value against a schema of the document."""
        key = repr(schema)
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft202012Validator(
                schema | self._components, validate_formats=True
            )
        error = next(iter(self._validators[key].iter_errors(value)), None)
        assert error is None, f"{where}: {'.'.join(map(str, error.instance_path))}: {error.message}"

    def _resolve(self, response: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in response:
            return response
        found: dict[str, Any] = self.document["components"]["responses"][
            response["$ref"].rpartition("/")[2]
        ]
        return found


def _problem() -> dict[str, Any]:
    return {"content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _closed(part: Any) -> Any:
    """Schemas that allow no field but those they name."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _closed(item) for name, item in part.items()}
    if part.get("type") == "object" and "properties" in part:
        closed.setdefault("additionalProperties", False)
    return closed
