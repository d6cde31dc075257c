"""Where a person goes back to: from an address that only takes forms, and from a sent form."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote, urlencode, urlsplit

from flask import Response, current_app, flash, make_response, redirect, request, url_for
from werkzeug.exceptions import HTTPException

from webapp.core import navigation

#: characters of a toast
MAX_MESSAGE = 600


def see_other(address: str) -> Response:
    """Send the browser on to an address, which it asks for with GET also after a form (303)."""
    return make_response(redirect(address, 303))


def to_page_above() -> Response:
    """From an address that nobody can look at: on to the nearest page above it.

    Such an address is seen when a form is drawn again in answer to itself. Whoever then reloads
    the page, or comes back to it from a bookmark, asks for it with GET.
    """
    return see_other(request.script_root + _page_above(request.path))


def to_page_before(message: str) -> Response:
    """From a refused form: back to the page that it stands on, with the reason as a toast.

    A reason may list many things, and a toast travels in a cookie.
    """
    is_long = len(message) > MAX_MESSAGE
    flash(message[: MAX_MESSAGE - 1] + "…" if is_long else message, "error")
    return see_other(page_of_form())


def to_page_without(names: Collection[str], reason: str) -> Response:
    """From a page whose address it cannot read whole: to the page without these parameters.

    The reason goes along as a toast. What the page links to and fetches is then as its address is.
    """
    flash(f"{reason.rstrip('.')}. The page leaves it out."[:MAX_MESSAGE], "error")
    kept = [pair for pair in request.args.items(multi=True) if pair[0] not in names]
    query = f"?{urlencode(kept)}" if kept else ""
    return see_other(f"{request.script_root}{quote(request.path)}{query}")


def list_above() -> tuple[str, str] | None:
    """The list that holds what is at this address, as what it lists and its own address."""
    path = request.path
    while path := path.rpartition("/")[0]:
        kind, _, view = (_endpoint_of(path) or "").partition(".")
        if view == "index":
            return kind.replace("_", " "), request.script_root + path
    return None


def page_to_stay_on() -> str | None:
    """Where whoever asks for no other page with a form's answer is then, from our host on."""
    before = _page_before() if "stay" in request.form else None
    return None if before is None else request.script_root + before


def page_of_form() -> str:
    """Where the form stands whose answer is drawn now, from our host on.

    An answer to a form has no address of its own. `frame.js` gives it this one, so that Back and
    reload ask for the page of the form; a browser could else only send the form once more.
    """
    return request.script_root + (_page_before() or _page_above(request.path))


def _page_before() -> str | None:
    """The page that the form was sent from, without the host; None where it is not one of ours."""
    try:
        sent_from = urlsplit(request.referrer or "")
    except ValueError:
        return None
    root = request.script_root
    path = sent_from.path.removeprefix(root)
    if not sent_from.path.startswith(f"{root}/") or path.startswith(("//", "/\\")):
        return None
    if not _is_page(path):
        return None
    return f"{path}?{sent_from.query}" if sent_from.query else path


def _page_above(path: str) -> str:
    while (path := path.rpartition("/")[0]) and not _is_page(path):
        pass
    return path or url_for(navigation.home()).removeprefix(request.script_root)


def _is_page(path: str) -> bool:
    return _endpoint_of(path) is not None


def _endpoint_of(path: str) -> str | None:
    adapter = current_app.create_url_adapter(request)
    try:
        return adapter.match(path, method="GET")[0] if adapter else None
    except HTTPException:
        return None
