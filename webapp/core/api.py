"""The JSON API's shared manners: strict bodies, documented refusals, OpenAPI 3.1.

Feature APIs use APIFlask's `@bp.input` and `@bp.output` with pydantic schemas; this module makes
the documents say what really happens: problem+json for every error.
"""

from __future__ import annotations

import json
import math
from typing import Any

from apiflask import APIFlask
from apiflask.helpers import get_reason_phrase
from apiflask.schema_adapters.pydantic import PydanticAdapter
from apiflask.schema_adapters.registry import registry
from flask import Request, Response, current_app, render_template
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel, TypeAdapter

from webapp.core.errors import PROBLEM, Invalid
from webapp.core.schemas import Answer, Body, Problem, Query, read, read_text
from webapp.core.security import SECURITY_SCHEMES, public
from webapp.core.web import Page

__all__ = ["Answer", "Body", "Query", "StrictJson", "list_response"]

MAX_DEPTH = 64


class StrictJson(DefaultJSONProvider):
    """JSON as the database can keep it: no NaN, no NUL, no lone surrogates, bounded depth."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            value = json.loads(s, parse_constant=_refuse_constant, parse_float=_finite)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        _check(value, "body")
        return value


class _Adapter(PydanticAdapter):  # type: ignore[misc]  # APIFlask is not checked
    """How APIFlask reads our schemas: JSON as JSON, a query string as text."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        schema: type[BaseModel] = self.model_class
        if location == "query":
            return read_text(schema, request.args.to_dict())
        return read(schema, request.get_json(force=True))


def list_response(adapter: TypeAdapter[Any], page: Page) -> Response:
    """A bare array with `X-Total-Count` and, where there is more, a `Link` to it."""
    response = current_app.response_class(
        adapter.dump_json(adapter.validate_python(page.items)),
        mimetype="application/json",
    )
    response.headers["X-Total-Count"] = str(page.total)
    if page.next_url:
        response.headers["Link"] = f'<{page.next_url}>; rel="next"'
    return response


def init_app(app: APIFlask) -> None:
    app.json = StrictJson(app)
    registry.register("pydantic", _Adapter)
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        SECURITY_SCHEMES=SECURITY_SCHEMES,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        AUTO_OPERATION_ID=True,
        AUTO_SERVERS=False,
        VALIDATION_ERROR_STATUS_CODE=422,
        DESCRIPTION=(
            "Define agents, ground them in documents, run them and watch them. "
            "Errors are RFC 9457 problems; `code` is stable."
        ),
        LICENSE={"name": "MIT", "identifier": "MIT"},
    )
    app.spec_processor(_document)
    app.add_url_rule("/docs", "docs", public(lambda: _docs("docs/swagger.html")))
    app.add_url_rule("/redoc", "redoc", public(lambda: _docs("docs/redoc.html")))


def _docs(template: str) -> Response:
    """Swagger UI and Redoc style their elements in place, so these two pages allow it."""
    response = current_app.make_response(render_template(template))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"
    )
    return response


def _document(spec: dict[str, Any]) -> dict[str, Any]:
    """Add to each operation the refusals that it can really give, as problem+json."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    spec["components"]["responses"] = {
        str(status): {
            "description": get_reason_phrase(status, ""),
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in (400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 503)
    }
    # Blueprints that share a tag would each name it.
    spec["tags"] = list({tag["name"]: tag for tag in spec.get("tags", [])}.values())
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            responses = operation.setdefault("responses", {})
            if "x-body" in operation:
                operation["requestBody"] = operation.pop("x-body")
            if "x-parameters" in operation:
                operation.setdefault("parameters", []).extend(operation.pop("x-parameters"))
            for status in _refusals(path, operation):
                responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return spec


def _refusals(path: str, operation: dict[str, Any]) -> set[int]:
    statuses = {int(code) for code in operation["responses"] if int(code) >= 400} | {
        429,
        500,
        503,
    }
    if operation.get("security"):
        statuses |= {401, 403}
    if "{" in path:
        statuses |= {404, 422}
    if operation.get("parameters"):
        statuses |= {422}
    if operation.get("requestBody"):
        statuses |= {400, 413, 415, 422}
    return statuses


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large for a number")
    return number


def _check(value: Any, path: str, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str):
        if "\x00" in value or (not value.isascii() and _has_surrogate(value)):
            raise Invalid(f"{path} holds characters that are not text.", field=path)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, f"{path}.{key[:40]!r}", depth + 1)
            _check(item, f"{path}.{key[:40]}".removeprefix("body."), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{path}.{index}", depth + 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Invalid(f"{path} is a number out of range.", field=path)


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
