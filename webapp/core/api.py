"""The JSON API's shared manners: strict bodies, lists with their totals, the API's document.

Feature APIs use APIFlask's `@bp.input` and `@bp.output` with pydantic schemas, and `@bp.doc` for
what those do not say; `core/openapi.py` makes the document of them.
"""

from __future__ import annotations

import json
from typing import Any, cast

from apiflask import APIFlask
from apiflask.schema_adapters.pydantic import PydanticAdapter
from apiflask.schema_adapters.registry import registry
from flask import Request, Response, current_app, render_template
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel, TypeAdapter

from webapp.core import openapi
from webapp.core.added_fields import complete
from webapp.core.errors import PROBLEM
from webapp.core.lists import Page
from webapp.core.schemas import from_json, read, read_text
from webapp.core.security import public
from webapp.core.web import url_with


class StrictJson(DefaultJSONProvider):
    """JSON as the database can keep it: no NaN, no NUL, no lone surrogates, bounded depth."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return from_json(s)


class _Adapter(PydanticAdapter):  # type: ignore[misc]  # APIFlask is not checked
    """How APIFlask reads our schemas: JSON as JSON, a query string as text."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        schema: type[BaseModel] = self.model_class
        if location == "query":
            return read_text(schema, request.args.to_dict())
        return read(schema, request.get_json(force=True))

    def serialize_output(self, data: Any, many: bool = False) -> Any:
        return PydanticAdapter(complete(self.model_class)).serialize_output(data, many)


# Before any view is decorated: a view keeps the adapter that it was declared with.
registry.register("pydantic", _Adapter)


def list_response(adapter: TypeAdapter[Any], page: Page) -> Response:
    """A bare array with `X-Total-Count` and, where there is more, a `Link` to it."""
    response = current_app.response_class(
        adapter.dump_json(adapter.validate_python(page.items)),
        mimetype="application/json",
    )
    response.headers["X-Total-Count"] = str(page.total)
    if page.next_offset is not None:
        # Python's clients end an address at its first semicolon (findings/link-headers-….sh).
        following = url_with(offset=page.next_offset).replace(";", "%3B")
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def init_app(app: APIFlask) -> None:
    app.json = StrictJson(app)
    app.after_request(_end_line)
    app.add_url_rule("/openapi.json", "openapi", public(_document))
    app.add_url_rule("/docs", "docs", public(lambda: _docs("docs/swagger.html")))
    app.add_url_rule("/redoc", "redoc", public(lambda: _docs("docs/redoc.html")))


def _end_line(response: Response) -> Response:
    """End JSON with a newline: else a shell's prompt stands behind it."""
    if response.mimetype in ("application/json", PROBLEM) and not response.is_streamed:
        content = response.get_data()
        if content and not content.endswith(b"\n"):
            response.set_data(content + b"\n")
    return response


def _document() -> Response:
    """The API's document, made at the first request for it."""
    known = current_app.extensions
    if "callboard-openapi" not in known:
        document = openapi.describe(cast("APIFlask", current_app))
        known["callboard-openapi"] = json.dumps(document, ensure_ascii=False)
    return current_app.response_class(known["callboard-openapi"], mimetype="application/json")


def _docs(template: str) -> Response:
    """Swagger UI and Redoc style their elements in place, so these two pages allow it."""
    response = current_app.make_response(render_template(template))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"
    )
    return response
