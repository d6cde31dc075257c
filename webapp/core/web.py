"""What every page shares: fragments or whole pages, element ids, paging, filters in the URL."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, TypeVar, cast

from apiflask import APIFlask
from flask import (
    Response,
    current_app,
    flash,
    g,
    make_response,
    render_template,
    request,
    url_for,
)
from flask_wtf.csrf import generate_csrf
from jinja2 import Environment
from jinja2.runtime import Macro
from markupsafe import Markup, escape
from pydantic import BaseModel
from werkzeug.datastructures import MultiDict

from webapp.core import clock, counts, navigation, rendering
from webapp.core.actor import split_name
from webapp.core.errors import Invalid, OddParameters
from webapp.core.http import returning
from webapp.core.lists import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, Paging
from webapp.core.schemas import read_text

Q = TypeVar("Q", bound=BaseModel)

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,11}")
_CODE = re.compile(r"`([^`]+)`")


def init_app(app: APIFlask) -> None:
    """Serve the static files, and give templates what they call."""
    _serve_static(app)
    _equip_templates(app)


def _serve_static(app: APIFlask) -> None:
    present = _static_version(Path(app.static_folder or ""))

    def send_static(filename: str, version: str = "") -> Response:
        response = cast("Response", app.send_static_file(filename))
        if version and version != present:
            # While an installation is upgraded, a process that has other files may be asked.
            response.headers["Cache-Control"] = "no-cache"
        return response

    app.view_functions["static"] = send_static
    app.add_url_rule("/static/at/<version>/<path:filename>", "static", send_static)

    @app.url_defaults
    def name_version(endpoint: str, values: dict[str, Any]) -> None:
        """Let an upgrade reach browsers at once: what is ours has another address after it.

        The version is a part of the path, so that what a script imports has it too.
        """
        if endpoint == "static" and not values.get("filename", "").startswith("vendor/"):
            values.setdefault("version", present)


def _equip_templates(app: APIFlask) -> None:
    app.jinja_env.globals.update(
        dom_id=dom_id,
        frame_parts=navigation.frame_parts,
        hidden_columns=hidden_columns,
        home_url=navigation.home_url,
        list_above=returning.list_above,
        page_of_form=returning.page_of_form,
        search_url=navigation.search_url,
        split_name=split_name,
        url_with=url_with,
        csrf_field=csrf_field,
        fold=rendering.fold,
        marked=rendering.marked,
        render_text=rendering.render,
        ui=Components(app.jinja_env),
    )
    app.jinja_env.filters.update(
        counted=counts.counted,
        iso=clock.iso,
        keep_ends=rendering.keep_ends,
        in_words=clock.in_words,
        local=counts.local,
        percent=counts.percent,
        plural=counts.plural,
        size=counts.size,
        with_code=with_code,
    )
    # The order of a schema's properties means something to its author.
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _static_version(folder: Path) -> str:
    """A short text that is another one whenever a file below the folder is."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class Components:
    """The macros of `templates/components`, at hand in every template without an import.

    `ui.badge("draft")` is the macro `badge` of `components/badge.html`. A macro sees what it is
    given and the application's globals, never the page's own variables.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __getattr__(self, name: str) -> Macro:
        module = self._environment.get_template(f"components/{name}.html").module
        return cast("Macro", getattr(module, name))


def component(name: str) -> Macro:
    """A component to draw by itself, as a part of a page that is already open."""
    return cast("Macro", getattr(current_app.jinja_env.globals["ui"], name))


def csrf_field() -> Markup:
    """The hidden token of a form. In a pushed frame it is empty: `forms.js` fills in the page's."""
    if g.get("is_push"):
        return Markup('<input type="hidden" name="csrf_token">')
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def with_code(sentence: str) -> Markup:
    """A sentence of ours, escaped, in which `what one types` stands in <code>."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 - escaped before


def is_htmx() -> bool:
    """Whether htmx asks for a part of the page rather than the browser for all of it."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-Request-Type", "partial") == "partial"
        and not request.headers.get("HX-History-Restore-Request")
    )


def page(
    template: str, *, fragment: str | None = None, status: int = 200, **context: Any
) -> Response:
    """Render `template`, or only `fragment` where htmx asks for a part of the page."""
    name = fragment if fragment and is_htmx() else template
    response = make_response(render_template(name, **context), status)
    response.headers["Vary"] = "HX-Request"
    return response


def redirect_to(endpoint: str, *, message: str | None = None, **values: Any) -> Response:
    """Go on to another page after a successful form: 303, with a toast.

    A form with a field `stay`, as the palette's, leads back to the page that it stands on.
    """
    if message:
        flash(message, "success")
    return returning.see_other(returning.page_to_stay_on() or url_for(endpoint, **values))


def dom_id(thing: Any, prefix: str = "") -> str:
    """The element id of a thing: `agent-<uuid>`, or `prefix-agent-<uuid>`."""
    name = type(thing).__name__.lower()
    return "-".join(part for part in (prefix, name, str(thing.id)) if part)


def read_paging() -> Paging:
    """Which part of a list the address asks for; OddParameters where that is no part."""
    return Paging(
        whole_number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        whole_number("offset", 0, 0, MAX_OFFSET),
    )


def hidden_columns(table: str) -> frozenset[str]:
    """The keys of columns that this browser does not show of a list; `table.js` remembers them."""
    return frozenset(request.cookies.get(f"columns-{table}", "")[:1000].split("."))


def read_query(schema: type[Q]) -> Q:
    """A page's filters as its address has them; OddParameters names those that cannot be."""
    try:
        return read_text(schema, {name: value for name, value in request.args.items() if value})
    except Invalid as error:
        raise OddParameters(error.message, errors=error.errors) from error


def url_with(**changes: Any) -> str:
    """The present URL with some of its query changed; `None` and "" take a parameter out."""
    # What `url_for` takes for itself, a scheme for example, is no parameter of a page.
    arguments = MultiDict(
        (name, value)
        for name, value in request.args.items()
        if name != "endpoint" and not name.startswith("_")
    )
    for name, value in changes.items():
        arguments.pop(name, None)
        if value not in (None, "", 0):
            arguments[name] = value
    view_args = request.view_args or {}
    values: dict[str, Any] = {**arguments.to_dict(), **view_args}
    return url_for(request.endpoint or "", **values)


def whole_number(name: str, default: int, lowest: int, highest: int) -> int:
    """A parameter of the address as a number within bounds; OddParameters where it is none."""
    raw = request.args.get(name, "")
    if raw == "":
        return default
    if not _WHOLE_NUMBER.fullmatch(raw):
        raise OddParameters(f"{name} must be a whole number, not {raw[:40]!r}.", field=name)
    number = int(raw)
    if not lowest <= number <= highest:
        raise OddParameters(
            f"{name} must be between {lowest} and {highest}, not {number}.", field=name
        )
    return number
