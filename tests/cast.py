"""The people of the tests and how they come in: as an actor, an API key or a browser."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import writes
from tests.browser import Browser
from tests.contract import Contract
from webapp.accounts import keys
from webapp.accounts.models import Membership, User
from webapp.core.actor import Actor
from webapp.core.extensions import db

PASSWORD = "correct horse battery"


class Client(FlaskClient):
    """A client whose requests have an application context of their own, as real ones do.

    It holds every answer of the API to the API's document, and checks what every request writes
    (see `tests/writes.py`).
    """

    def open(self, *args: Any, **options: Any) -> TestResponse:
        with self.application.app_context(), writes.checked(self.application):
            response = super().open(*args, **options)
            self._hold_to_its_word(response)
            return response

    def _hold_to_its_word(self, response: TestResponse) -> None:
        """Whatever the API answers in a test is what its document says."""
        method, path = response.request.method, response.request.path
        if path.startswith("/api/") and method not in ("HEAD", "OPTIONS"):
            Contract.of(self.application).check(method, path, response)


class Api:
    """A JSON client with a key: `api.post("/agents", {...})` → a response."""

    def __init__(self, client: FlaskClient, key: str | None) -> None:
        self.client, self.key = client, key

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        headers = dict(options.pop("headers", {}))
        if self.key:
            headers.setdefault("X-API-Key", self.key)
        if body is not None:
            options["json"] = body
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.request("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.request("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.request("DELETE", path, **options)


class Cast:
    def __init__(self, app: APIFlask) -> None:
        self.app = app

    def user(self, name: str) -> User:
        return db.session.scalars(select(User).where(User.email == f"{name}@example.com")).one()

    def member(self, name: str) -> Membership:
        """This person in the organization that they joined first."""
        return self.user(name).memberships[0]

    def actor(self, name: str) -> Actor:
        return self.member(name).actor

    def key(self, name: str) -> str:
        """A new API key of this person."""
        return keys.create_key(f"{name}'s key", actor=self.actor(name))[1]

    def api(self, name: str | None) -> Api:
        """A JSON client for this person, or for nobody."""
        return Api(self.app.test_client(), self.key(name) if name else None)

    def browser(self, name: str) -> Browser:
        """A signed-in browser of this person."""
        browser = Browser(self.app.test_client())
        browser.sign_in(f"{name}@example.com", PASSWORD)
        return browser
