"""The gate every request passes: its id, its limits, who it is, what it may, its headers.

A view says who may use it with `@requires(permission)` or `@public`; a view that says neither is
refused at start-up, so nothing is open by accident.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

import structlog
from apiflask import APIFlask
from flask import Flask, Response, current_app, g, request, url_for

from webapp.config import Settings
from webapp.core.actor import ORGANIZATION_READ, Actor, Permission, Role
from webapp.core.errors import Invalid, Malformed, TooLarge, Unauthenticated, UnsupportedMediaType
from webapp.core.extensions import csrf, limiter
from webapp.core.feature import contribution, contributions
from webapp.core.http.bodies import finish_reading

F = TypeVar("F", bound=Callable[..., Any])

#: how browsers send a page's form
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
#: no script or style stands in a page (docs/adr/0007-no-inline-script.md)
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def requires(permission: Permission) -> Callable[[F], F]:
    """Let only actors with the permission reach the view."""

    def decorate(view: F) -> F:
        view.required_permission = permission  # type: ignore[attr-defined]  # a mark on the view
        return view

    return decorate


def public(view: F) -> F:
    """Let anybody reach the view: sign-in, setup, health, the API's documents."""
    view.required_permission = None  # type: ignore[attr-defined]  # a mark on the view
    return view


def needs_no(**reasons: str) -> Callable[[F], F]:
    """Say why a view that changes something needs no `right`, `audit` or `announcement`.

    The tests' client fails on every other change without one of them (`tests/writes.py`).
    """

    def decorate(view: F) -> F:
        view.needs_no = reasons  # type: ignore[attr-defined]  # a mark on the view
        return view

    return decorate


def accepts_upload(*media_types: str) -> Callable[[F], F]:
    """Raise the body limit of the view to the upload limit, for bodies of these media types."""

    def decorate(view: F) -> F:
        view.upload_types = media_types  # type: ignore[attr-defined]  # a mark on the view
        return view

    return decorate


def current_actor() -> Actor:
    """The actor of this request; raises Unauthenticated where there is none."""
    actor: Actor | None = g.get("actor")
    if actor is None:
        raise g.get("refusal") or Unauthenticated(
            "Invalid or missing credentials.",
            suggestions=["Send an API key in X-API-Key or as a Bearer token, or sign in."],
        )
    return actor


def required_permission() -> Permission:
    """The permission that the view of this request needs; for what outlives the request."""
    view: Any = current_app.view_functions[request.endpoint or ""]
    return view.required_permission or ORGANIZATION_READ


class Rights(NamedTuple):
    """What a session or an API key lets its holder do, and where."""

    organization_id: UUID
    role: Role


@dataclass(frozen=True)
class Identity:
    """Who is behind a request, and what somebody known may do now.

    `identify()` answers the actor of the running request, or None. `rights_of_many(ids)` answers
    the rights of this moment by the ids of sessions and API keys, as 32 digits each; one whose way
    in has been closed is missing. `sign_in` is the endpoint of the page at which a person says who
    they are; it takes the address to come back to as `next`.
    """

    identify: Callable[[], Actor | None]
    rights_of_many: Callable[[Collection[str]], dict[str, Rights]]
    sign_in: str


def sign_in_url(**values: Any) -> str:
    """The address of the page to sign in at."""
    return url_for(contribution(Identity).sign_in, **values)


def init_app(app: APIFlask) -> None:
    """Hang the gate in; a feature brings the `Identity` that finds a request's actor."""
    app.before_request(_begin)
    app.before_request(_require_host)
    app.before_request(_identify_actor)
    # Before the guard, so that who has no credentials, or wrong ones, is counted as well.
    limiter.init_app(app)
    app.before_request(_guard)
    app.after_request(_finish)
    app.after_request(finish_reading)
    app.jinja_env.globals["sign_in_url"] = sign_in_url


def check_permissions(app: Flask) -> None:
    """Refuse to start with a view that does not name who may use it; tell templates the names."""
    known = contributions(Permission, app)
    for endpoint, view in app.view_functions.items():
        if endpoint == "static":
            public(view)
        elif not hasattr(view, "required_permission"):
            raise RuntimeError(f"{endpoint} does not say who may use it (@requires or @public).")
        elif view.required_permission not in (None, *known):
            raise RuntimeError(f"{view.required_permission} of {endpoint} is in no FEATURE.")
    app.jinja_env.globals.update({permission.constant: permission for permission in known})


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _SANE_REQUEST_ID.fullmatch(given) else str(uuid4())
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _require_host() -> None:
    """HTTP/1.1 asks for the host (RFC 9112, 3.2), and links of ours are made with it."""
    is_named = request.headers.get("Host", "").strip()
    if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1" and not is_named:
        raise Malformed("The request has no Host header, which HTTP/1.1 asks for.")


def _identify_actor() -> None:
    g.actor = g.refusal = None
    if request.endpoint and request.endpoint != "static":
        try:
            g.actor = contribution(Identity).identify()
        except Unauthenticated as error:
            # Public pages are for everybody, wrong credentials or not; the guard refuses the rest.
            g.refusal = error


def _guard() -> None:
    settings: Settings = current_app.config["CALLBOARD"]
    view: Any = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "static":
        return
    is_upload = request.mimetype in getattr(view, "upload_types", ())
    request.max_content_length = settings.max_upload if is_upload else settings.max_body
    request.max_form_memory_size = request.max_content_length
    if (request.content_length or 0) > request.max_content_length:
        raise TooLarge(
            f"The request body has {request.content_length:,} bytes; "
            f"the limit is {request.max_content_length:,}."
        )
    _refuse_control_characters()
    permission: Permission | None = view.required_permission
    if permission is not None:
        actor = current_actor()
        if actor.session_id is not None:
            csrf.protect()  # nothing is asked of GET, HEAD and OPTIONS
        actor.require(permission)
    else:
        csrf.protect()
    if request.mimetype in FORMS and not is_upload:
        _refuse_nul_in_form()
    _check_content_type(view)


def _check_content_type(view: Any) -> None:
    expected = getattr(view, "_spec", {}).get("content_type")
    if request.method in SAFE_METHODS or not expected:
        return
    expected = expected if isinstance(expected, list) else [expected]
    if request.mimetype not in expected:
        raise UnsupportedMediaType(
            f"This address reads {' or '.join(expected)}, not {request.mimetype or 'nothing'!r}.",
            suggestions=[f"Send the header Content-Type: {expected[0]}."],
        )


def _refuse_control_characters() -> None:
    """NUL cannot be stored, and a lone surrogate cannot be encoded: say so before either."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError as error:
        raise Invalid("The query of this address is not UTF-8.") from error
    for name, value in [
        *request.args.items(multi=True),
        *(request.view_args or {}).items(),
    ]:
        if isinstance(value, str) and ("\x00" in value or "\ufffd" in value):
            raise Invalid(f"{name} holds bytes that are not text.", field=name)


def _refuse_nul_in_form() -> None:
    """NUL cannot be stored: for what a view takes from a form without the class `Form`."""
    for name, value in request.form.items(multi=True):
        if "\x00" in value:
            raise Invalid(f"{name} holds characters that are not text.", field=name)


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault(
        "Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()"
    )
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    if response.mimetype in ("text/html", "application/json", "application/problem+json"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
