"""How a refusal looks: problem+json, an htmx flash, or a page. Nothing else draws one.

What went wrong without being a `DomainError` becomes one in `refusals.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from apiflask import APIFlask, HTTPError
from flask import (
    Response,
    current_app,
    g,
    json,
    make_response,
    render_template,
    request,
)
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from webapp.core.errors import (
    HTTP_CODES,
    PROBLEM,
    DomainError,
    OddParameters,
    Unauthenticated,
)
from webapp.core.feature import contribution
from webapp.core.http import returning
from webapp.core.http.refusals import refusal_of
from webapp.core.security import Identity, sign_in_url
from webapp.core.signals import refused

#: refusals of what was sent, after which a person goes on where they were
OF_A_FORM = (400, 409, 412, 422)
#: refusals of an address, which leave the application around it as it is
OF_AN_ADDRESS = (400, 403, 404, 409, 413, 422)


def problem(
    status: int,
    detail: str,
    *,
    code: str,
    title: str | None = None,
    errors: Sequence[Mapping[str, Any]] = (),
    extras: Mapping[str, Any] | None = None,
    suggestions: Sequence[str] = (),
) -> dict[str, Any]:
    """An RFC 9457 problem as a dict, empty members left out."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase.capitalize(),
        "status": status,
        "detail": detail,
        "instance": quote(request.path),
        "code": code,
        "request_id": g.get("request_id", ""),
    }
    optional = {
        "errors": list(errors),
        "extras": extras,
        "suggestions": list(suggestions),
    }
    return body | {name: value for name, value in optional.items() if value}


def wants_problem() -> bool:
    """Whether the caller reads JSON: everything under /api and the API's own documents."""
    return request.path.startswith(("/api/", "/ws/", "/openapi", "/health"))


def respond(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Draw a problem with the face that the caller reads."""
    is_nobody = body["code"] == Unauthenticated.code  # a wrong key needs another, not a password
    if is_nobody and request.method == "GET" and not wants_problem():
        return _to_sign_in()
    if wants_problem():
        response = make_response(json.dumps(body), body["status"])
        response.mimetype = PROBLEM
    elif request.headers.get("HX-Request"):
        response = make_response(
            render_template("errors/_flash.html", problem=body), body["status"]
        )
    elif request.method == "POST" and body["status"] in OF_A_FORM and _is_signed_in():
        sentences = [body["detail"], *body.get("suggestions", [])]
        return returning.to_page_before(" ".join(sentences))
    else:
        response = draw_page("errors/error.html", body)
    response.headers.update(headers or {})
    if body["status"] == 401 and wants_problem():
        response.headers["WWW-Authenticate"] = 'Bearer realm="Callboard"'
    return response


def draw_page(template: str, body: dict[str, Any], **context: Any) -> Response:
    """A problem as a page, with the way around where somebody is signed in.

    A page about the database, or about too many requests, asks nobody for it.
    """
    frame = "bare.html"
    if body["status"] in OF_AN_ADDRESS and _is_signed_in():
        frame = "layout.html"
    page = render_template(template, frame=frame, problem=body, **context)
    return make_response(page, body["status"])


def _is_signed_in() -> bool:
    """Whether a person with a browser is behind this request, also where no view is."""
    if request.endpoint is None and g.get("actor") is None:
        with suppress(Unauthenticated):
            g.actor = contribution(Identity).identify()
    actor = g.get("actor")
    return actor is not None and actor.session_id is not None


def _to_sign_in() -> Response:
    """Ask a visitor who they are, and come back to this page afterwards."""
    target = sign_in_url(next=request.script_root + request.full_path.rstrip("?"))
    if request.headers.get("HX-Request"):
        response = make_response("", 401)
        response.headers["HX-Redirect"] = target
        return response
    return returning.see_other(target)


def init_app(app: APIFlask) -> None:
    """Register the handlers, the more special ones last."""
    app.error_processor(_answer_http_error)  # type: ignore[arg-type]  # takes any response
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(DomainError, answer)
    app.register_error_handler(OddParameters, _answer_odd_parameters)
    app.register_error_handler(CSRFError, _answer_csrf_error)
    app.register_error_handler(RequestEntityTooLarge, _answer_too_large)
    app.register_error_handler(Exception, _answer_failure)
    app.make_default_options_response = _allow_methods_here  # type: ignore[method-assign]  # Flask names more


def describe(error: DomainError, *, is_page: bool = False) -> dict[str, Any]:
    """A refusal as a problem; `is_page` is for one who reads pages."""
    return problem(
        error.status,
        error.page_message if is_page else error.message,
        code=error.code,
        title=error.title,
        errors=error.errors,
        extras=error.extras,
        suggestions=error.suggestions + ([] if is_page else error.api_suggestions),
    )


def answer(error: DomainError) -> Response:
    """Answer a request with a refusal."""
    refused.send(error=error)
    return respond(describe(error, is_page=not wants_problem()), error.headers)


def _answer_odd_parameters(error: OddParameters) -> Response:
    """Show a page without what its address should not say; a part of one keeps its page."""
    is_page = request.method in ("GET", "HEAD") and not wants_problem()
    odd = {item["field"].partition(".")[0] for item in error.errors} & request.args.keys()
    if is_page and odd and "HX-Request" not in request.headers:
        return returning.to_page_without(odd, error.page_message)
    return answer(error)


def _answer_http_error(error: HTTPError) -> Response:
    code = HTTP_CODES.get(error.status_code, "http_error")
    return respond(problem(error.status_code, error.message, code=code), error.headers)


def _answer_http_exception(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]  # a WSGI response is one
    status = error.code or 500
    headers = {k: v for k, v in error.get_headers() if k.lower() in ("allow", "retry-after")}
    detail = error.description or HTTPStatus(status).phrase
    if status == 404:
        detail = f"There is nothing at {request.path}."
    elif status == 405 and request.method in ("GET", "HEAD") and not wants_problem():
        return returning.to_page_above()
    elif status == 405:
        allowed = headers["Allow"] = ", ".join(_methods_here())
        detail = f"{request.method} is not possible here; allowed: {allowed}."
    return respond(problem(status, detail, code=HTTP_CODES.get(status, "http_error")), headers)


def _allow_methods_here() -> Response:
    response = current_app.response_class()
    response.headers["Allow"] = ", ".join(_methods_here())
    return response


def _methods_here() -> list[str]:
    """The methods of the address that this path names first, not of those that it names too.

    `/agents/bulk` is an address of its own, although "bulk" could also be an agent's.
    """
    adapter = current_app.create_url_adapter(request)
    methods: dict[str, tuple[int, set[str]]] = {}
    for method in adapter.allowed_methods() if adapter else ():
        rule, _ = adapter.match(method=method, return_rule=True)  # type: ignore[union-attr]  # else no method
        methods.setdefault(rule.rule, (len(rule.arguments), set()))[1].add(method)
    return sorted(min(methods.values(), key=lambda pair: pair[0])[1]) if methods else []


def _answer_csrf_error(error: CSRFError) -> Response:
    detail = f"{error.description} Reload the page and try again."
    return respond(problem(403, detail, code="csrf_failed", title="Form expired"))


def _answer_too_large(_error: RequestEntityTooLarge) -> Response:
    limit = request.max_content_length or 0
    detail = f"The request body is larger than the limit of {limit:,} bytes."
    return respond(problem(413, detail, code="too_large", title="Too large"))


def _answer_failure(error: Exception) -> Response:
    return answer(refusal_of(error))
