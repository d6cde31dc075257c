"""Permissions: declared by features, held by roles, named by views, services and templates."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from uuid import uuid4

import pytest
from apiflask import APIFlask
from flask import render_template_string
from jinja2 import UndefinedError

from tests.browser import words_of
from tests.cast import Cast
from webapp import ROOT
from webapp.agents.permissions import AGENTS_READ, AGENTS_WRITE, EXECUTIONS_RUN
from webapp.core import clock
from webapp.core.actor import ORGANIZATION_READ, ROLE_MEANINGS, Actor, Permission, Role
from webapp.core.errors import Forbidden
from webapp.core.feature import KEY, contributions
from webapp.core.security import check_permissions, public, required_permission, requires
from webapp.webhooks.permissions import WEBHOOKS_READ

# The reviewed table: what each role may beyond the roles before it.
ROLES = {
    Role.VIEWER: {
        "account:read", "account:write", "agents:read", "executions:read", "knowledge:read",
        "models:read", "organization:read", "tasks:read", "views:write",
    },
    Role.MEMBER: {
        "executions:run", "views:share",
    },
    Role.ADMIN: {
        "agents:write", "knowledge:write", "members:write", "models:write",
        "organization:write", "tasks:write",
        "views:manage", "audit:read", "webhooks:read", "webhooks:write",
    },
}  # fmt: skip


def test_each_role_holds_what_the_table_says_and_nothing_more(cast: Cast) -> None:
    known = contributions(Permission)
    assert {name: count for name, count in Counter(map(str, known)).items() if count > 1} == {}
    held: set[str] = set()
    for name, role in (("vera", Role.VIEWER), ("bob", Role.MEMBER), ("alice", Role.ADMIN)):
        held |= ROLES[role]
        actor = cast.actor(name)
        assert {str(permission) for permission in known if actor.may(permission)} == held
    assert held == set(map(str, known))


@pytest.mark.once
def test_the_docs_explain_every_permission(app: APIFlask) -> None:
    text = (ROOT / "docs" / "concepts.md").read_text()
    rows = re.findall(r"^\| `([\w:]+)` \| (\w+) \|", text, re.M)
    assert dict(rows) == {str(item): str(item.role) for item in contributions(Permission)}


def test_who_is_refused_hears_of_the_role_and_the_permission(cast: Cast) -> None:
    with pytest.raises(Forbidden) as refused:
        cast.actor("vera").require(EXECUTIONS_RUN)
    assert refused.value.message == (
        "This needs the role member, for executions:run; you are viewer."
    )
    problem = cast.api("bob").post("/agents", {"name": "Tea"})
    assert (problem.status_code, problem.json["code"]) == (403, "forbidden")
    assert problem.json["detail"] == "This needs the role admin, for agents:write; you are member."
    assert problem.json["suggestions"] == [
        "Ask an admin of your organization to do it or to change your role."
    ]
    cast.actor("bob").require(EXECUTIONS_RUN)


def test_a_template_asks_by_the_name_of_the_constant(cast: Cast, alice: Actor) -> None:
    template = "{{ actor.may(AGENTS_WRITE) }} {{ actor.may(AGENTS_READ) }}"
    drawn = [render_template_string(template, actor=cast.actor(name)) for name in ("alice", "bob")]
    assert drawn == ["True True", "False True"]
    with pytest.raises(UndefinedError, match="AGENTS_WRIT"):
        render_template_string("{{ actor.may(AGENTS_WRIT) }}", actor=alice)


@pytest.mark.once
def test_templates_name_only_permissions_that_there_are(app: APIFlask) -> None:
    known = {permission.constant for permission in contributions(Permission)}
    named = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r"\.may\((.*?)\)", path.read_text())
    }
    assert {"AGENTS_WRITE", "EXECUTIONS_RUN"} <= named <= known


@pytest.fixture
def small() -> APIFlask:
    """An application of one view."""
    app = APIFlask("small", enable_openapi=False)
    app.add_url_rule("/thing", "thing", lambda: "")
    app.extensions[KEY] = [AGENTS_READ]
    return app


@pytest.mark.once
def test_a_view_that_does_not_say_who_may_use_it_ends_the_start(small: APIFlask) -> None:
    with pytest.raises(RuntimeError, match=r"^thing does not say who may use it"):
        check_permissions(small)
    small.view_functions["thing"] = public(lambda: "")
    check_permissions(small)


@pytest.mark.once
def test_a_view_may_only_name_a_permission_that_a_feature_brings(small: APIFlask) -> None:
    small.view_functions["thing"] = requires(AGENTS_READ)(lambda: "")
    check_permissions(small)
    assert small.jinja_env.globals["AGENTS_READ"] == AGENTS_READ
    small.view_functions["thing"] = requires(AGENTS_WRITE)(lambda: "")
    with pytest.raises(RuntimeError, match=r"^agents:write of thing is in no FEATURE"):
        check_permissions(small)


@pytest.mark.once
@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/agents", AGENTS_READ),
        ("/agents/helper/ask", EXECUTIONS_RUN),
        ("/settings/webhooks", WEBHOOKS_READ),
        ("/sign-in", ORGANIZATION_READ),
    ],
)
def test_what_outlives_a_request_needs_what_its_view_needs(
    app: APIFlask, path: str, needed: Permission
) -> None:
    with app.test_request_context(path):
        assert required_permission() == needed


@pytest.mark.once
def test_a_key_does_nothing_that_needs_a_person_or_would_outlive_it() -> None:
    person = Actor(uuid4(), Role.ADMIN, "Alice", user_id=uuid4())
    person.require_person()
    person.require_lasting()
    key = replace(person, api_key_id=uuid4())
    key.require_lasting()
    with pytest.raises(Forbidden) as refused:
        key.require_person()
    assert refused.value.code == "needs_person"
    assert refused.value.message == "An API key cannot do this; sign in."
    with pytest.raises(Forbidden) as refused:
        replace(key, expires_at=clock.now()).require_lasting()
    assert refused.value.code == "key_outlives"
    assert refused.value.message == "This API key expires, and what it would let in does not."


@pytest.mark.once
def test_who_are_shown_the_same_are_of_one_organization_and_role() -> None:
    ours, theirs = uuid4(), uuid4()
    people = [Actor(place, role, "x") for place in (ours, theirs) for role in Role]
    assert len({person.audience for person in people}) == len(people)
    assert replace(people[0], name="y", user_id=uuid4()).audience == people[0].audience


def test_a_page_says_in_words_who_may_do_what_is_refused(cast: Cast, alice: Actor) -> None:
    page = cast.browser("vera").get("/agents/new", status=403)
    assert "Only an admin may do this, and you are viewer here." in words_of(page.css_first("main"))
    problem = cast.api("vera").post("/agents", {"name": "Tea"}).json
    assert problem["extras"] == {"needs": {"role": "admin", "permission": "agents:write"}}


def test_who_invites_reads_what_each_role_may_do(cast: Cast) -> None:
    page = cast.browser("alice").get("/settings/members")
    hint = words_of(page.css_first("#role-hint"))
    for role, meaning in ROLE_MEANINGS.items():
        assert f"{role.capitalize()}: {meaning}" in hint
    titles = [option.attributes["title"] for option in page.css("td option")]
    assert set(titles) == set(ROLE_MEANINGS.values())
