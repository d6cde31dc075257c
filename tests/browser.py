"""A browser without JavaScript that audits every page it is given."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser, LexborNode
from werkzeug.test import TestResponse


class Browser:
    """`get` and `post` return parsed pages; a page with a flaw fails the test that met it."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.response: TestResponse | None = None

    def sign_in(self, email: str, password: str) -> None:
        self.post("/sign-in", {"email": email, "password": password})

    def get(self, path: str, *, status: int = 200, **options: Any) -> LexborHTMLParser:
        return self._open("GET", path, status, **options)

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, status: int = 200, **options: Any
    ) -> LexborHTMLParser:
        """Send a form as the page would, with a fresh CSRF token, and follow the redirect."""
        form = {"csrf_token": self.csrf_token(), **(data or {})}
        return self._open("POST", path, status, data=form, **options)

    def csrf_token(self) -> str:
        page = self.client.get("/sign-in", follow_redirects=True).text
        found = re.search(r'name="csrf[_-]token"[^>]*(?:value|content)="([^"]+)"', page)
        assert found, "No page without a CSRF token."
        return found[1]

    def _open(self, method: str, path: str, status: int, **options: Any) -> LexborHTMLParser:
        follow = status not in (302, 303)
        response = self.client.open(path, method=method, follow_redirects=follow, **options)
        self.response = response
        assert response.status_code == status, (response.status_code, response.text[:2000])
        page = LexborHTMLParser(response.text)
        if response.mimetype == "text/html" and "<html" in response.text:
            audit(page, response)
        return page


def words_of(element: LexborNode) -> str:
    """What the element says as a reader sees it, its white space made even."""
    return " ".join(element.text(separator=" ").split())


def audit(page: LexborHTMLParser, response: TestResponse) -> None:
    """Unique ids, one h1 that begins the title, labels, tokens, no inline script or style."""
    ids = [node.attributes["id"] for node in page.css("[id]")]
    assert len(ids) == len(set(ids)), f"Doubled ids: {sorted({i for i in ids if ids.count(i) > 1})}"
    headings = [node.text(strip=True) for node in page.css("h1")]
    assert len(headings) == 1, headings
    title = page.css_first("title")
    assert title is not None
    assert title.text(strip=True).startswith(headings[0]), (title.text(), headings)
    if response.status_code == 200 and (sections := page.css("nav[aria-label=Main] a")):
        current = [link for link in sections if "aria-current" in link.attributes]
        assert len(current) == 1, "The sidebar does not say where this is."
    for form in page.css("form"):
        if form.attributes.get("method", "get").lower() == "post":
            assert form.css_first("input[name=csrf_token]"), f"No token: {form.html}"
            assert form.attributes.get("action"), f"No action: {form.html}"
    for field in page.css("input, select, textarea"):
        assert _is_labelled(page, field), f"No label: {field.html}"
    for script in page.css("script:not([src])"):
        kind = script.attributes.get("type")
        assert kind == "application/json", script.html
    assert not page.css("[style], [onclick], [onload], [onsubmit]"), "Inline style or handler"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def _is_labelled(page: LexborHTMLParser, field: LexborNode) -> bool:
    attributes = field.attributes
    if attributes.get("type") in ("hidden", "submit", "button"):
        return True
    if attributes.get("aria-label") or attributes.get("aria-labelledby"):
        return True
    if attributes.get("id") and page.css_first(f'label[for="{attributes["id"]}"]'):
        return True
    parent = field.parent
    while parent is not None:
        if parent.tag == "label":
            return True
        parent = parent.parent
    return False
