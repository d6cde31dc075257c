"""Views: the filters of a list under a name, one's own or the organization's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_document
from webapp.core.actor import Actor
from webapp.core.errors import Conflict, Forbidden, Invalid, NotFound
from webapp.core.extensions import db
from webapp.views import services
from webapp.views.services import save_view


def chips(browser: Browser, path: str) -> list[tuple[str, str]]:
    """Each chip with its address, the shown one with a star."""
    return [
        (
            f"{'*' if 'aria-current' in chip.attributes else ''}{chip.text().strip()}",
            str(chip.attributes["href"]),
        )
        for chip in browser.get(path).css(".view-chips a")
    ]


def test_what_a_list_shows_is_saved_shown_renamed_and_deleted(
    cast: Cast, alice: Actor, browser: Browser
) -> None:
    make_agent(alice, handle="tea", name="Tea Agent")
    make_agent(alice, handle="oak", name="Oak")
    assert chips(browser, "/agents") == [("*All", "/agents")]
    body = {
        "list": "agents",
        "name": "  Tea   drafts ",
        "query": "?status=draft&q=tea&offset=50&x=1",
    }
    page = browser.post("/views", body)
    assert "Tea drafts is saved." in words_of(page.css_first("#toasts"))
    assert [row.text() for row in page.css(".row-title")] == ["Tea Agent"]
    href = "/agents?q=tea&status=draft"
    assert chips(browser, "/agents") == [("*All", "/agents"), ("Tea drafts", href)]
    # The same filters in another order, with what says nothing, are the same view.
    assert chips(browser, "/agents?status=draft&modality=&q=tea&limit=10") == [
        ("All", "/agents"), ("*Tea drafts", href),
    ]  # fmt: skip
    assert chips(browser, "/documents") == [("*All", "/documents")]
    edit = browser.get(href).css_first("#edit-view form").attributes["action"]
    browser.post(str(edit), {"name": "a first one"})
    browser.post("/views", {"list": "agents", "name": "Deleted", "query": "include_deleted=true"})
    assert [name for name, _ in chips(browser, "/agents")] == ["*All", "a first one", "Deleted"]
    page = browser.post(f"{edit}/deletion")
    assert "The view a first one is deleted." in words_of(page.css_first("#toasts"))
    assert [name for name, _ in chips(browser, "/agents")] == ["*All", "Deleted"]
    assert "deleted view a first one" in words_of(browser.get("/").css_first("#activity"))


@pytest.mark.parametrize(
    ("name", "query", "kept"),
    [
        ("agents", "sort=name&min_coverage=50&tool=a%20b", "min_coverage=50&sort=name&tool=a+b"),
        ("documents", "proposed=true&sort=-title&limit=5", "proposed=true&sort=-title"),
        ("tasks", "status=failed&task_type=bulk&q=x", "status=failed&task_type=bulk"),
        ("tasks", "status=failed&task_type=%3Cscript%3E", "status=failed&task_type=%3Cscript%3E"),
    ],
)
def test_only_what_the_list_knows_is_kept(alice: Actor, name: str, query: str, kept: str) -> None:
    assert save_view(name, "x", query, actor=alice).query_string == kept


@pytest.mark.parametrize(
    ("name", "query", "field"),
    [
        ("agents", "sort=colour", "sort"),
        ("agents", "q=tea&active=maybe", "active"),
        ("documents", "status=lost", "status"),
        ("documents", "sort=-coverage", "sort"),
        ("tasks", "agent_id=triage", "agent_id"),
    ],
)
def test_a_view_that_the_list_could_not_show_is_not_kept(
    cast: Cast, alice: Actor, browser: Browser, name: str, query: str, field: str
) -> None:
    kept = save_view(name, "Kept", "", actor=alice)
    for change in (
        lambda: save_view(name, "x", query, actor=alice),
        lambda: services.change_filters(kept.id, query, actor=alice),
    ):
        with pytest.raises(Invalid) as refusal:
            change()
        assert refusal.value.errors is not None
        assert [error["field"] for error in refusal.value.errors] == [field]
        db.session.rollback()
    # The list's own page leaves out just that.
    told = browser.get(f"/{name}?{query}").css_first(".toast.error").text()
    assert f"{field}" in told
    assert "The page leaves it out." in told
    assert [view.query_string for view in services.list_views(name, actor=alice)] == [""]


def test_a_view_whose_order_is_none_any_more_is_opened_in_the_lists_own(
    alice: Actor, browser: Browser
) -> None:
    make_agent(alice, handle="oak", name="Oak")
    make_agent(alice, handle="tea", name="Tea")
    view = save_view("agents", "Oaks", "q=oak", actor=alice)
    view.query_string = "q=oak&sort=by-age"
    db.session.commit()
    [address] = [href for name, href in chips(browser, "/agents") if name == "Oaks"]
    page = browser.get(address)
    assert "sort" in page.css_first(".toast.error").text()
    assert [row.text() for row in page.css(".row-title")] == ["Oak"]


def test_a_view_is_given_other_filters_by_its_owner_or_an_admin(
    cast: Cast, alice: Actor, browser: Browser
) -> None:
    make_agent(alice, handle="oak", name="Oak")
    save_view("agents", "Tea", "q=tea", actor=alice)
    sheet = browser.get("/agents?q=oak&sort=name").css_first("#save-view")
    (button,) = sheet.css("#replace-view button")
    assert words_of(button) == "Tea"
    fields = {"query": str(sheet.css_first("#replace-view [name=query]").attributes["value"])}
    assert fields == {"query": "q=oak&sort=name"}
    page = browser.post(str(button.attributes["formaction"]), fields)
    assert "Tea is saved." in words_of(page.css_first("#toasts"))
    assert [row.text() for row in page.css(".row-title")] == ["Oak"]
    assert chips(browser, "/agents") == [("*All", "/agents"), ("Tea", "/agents?q=oak&sort=name")]
    bob = cast.actor("bob")
    shared = save_view("agents", "Bob's", "q=a", is_shared=True, actor=bob)
    private = save_view("agents", "Bob's own", "q=b", actor=bob)
    with pytest.raises(NotFound):
        services.change_filters(private.id, "q=c", actor=alice)
    assert services.change_filters(shared.id, "q=c", actor=alice).query_string == "q=c"
    with pytest.raises(Forbidden):
        services.change_filters(shared.id, "q=d", actor=cast.actor("vera"))
    db.session.rollback()
    page = cast.browser("vera").get("/agents")
    assert page.css_first("#replace-view") is None


def test_a_page_is_told_of_views_and_asks_for_those_that_it_may_see(
    cast: Cast, alice: Actor
) -> None:
    save_view("agents", "Own", "q=tea", actor=alice)
    save_view("agents", "Shared", "q=oak", is_shared=True, actor=alice)
    save_view("tasks", "Elsewhere", "status=failed", actor=alice)
    for name, seen in (("alice", ["All", "Own", "Shared"]), ("vera", ["All", "Shared"])):
        browser = cast.browser(name)
        address = browser.get("/agents").css_first("#view-chips").attributes["hx-get"]
        answer = browser.client.get(str(address), headers={"HX-Request": "true"})
        part = LexborHTMLParser(answer.text)
        assert [chip.text().strip() for chip in part.css("#view-chips a")] == seen
    cast.browser("alice").get("/views/chips?list=webhooks", status=404)


def test_others_see_what_is_shared_and_nothing_else(cast: Cast, alice: Actor) -> None:
    private = save_view("tasks", "Private", "status=failed", actor=alice)
    shared = save_view("tasks", "Shared", "status=running", is_shared=True, actor=alice)
    bob, vera, charlie = (cast.actor(name) for name in ("bob", "vera", "charlie"))
    for actor, seen in ((alice, ["Private", "Shared"]), (bob, ["Shared"]), (charlie, [])):
        assert [view.name for view in services.list_views("tasks", actor=actor)] == seen
    for view, actor, refusal in (
        (private, bob, NotFound),
        (shared, charlie, NotFound),
        (shared, bob, Forbidden),
    ):
        with pytest.raises(refusal):
            services.change_view(view.id, name="Mine", is_shared=True, actor=actor)
        with pytest.raises(refusal):
            services.delete_view(view.id, actor=actor)
        db.session.rollback()
    page = cast.browser("bob").get("/tasks?status=running")
    assert page.css_first(".view-chips a[aria-current]").text() == "Shared"
    assert page.css_first("#edit-view") is None
    # Who only looks keeps views, and shares none; an admin tidies what others share.
    own = save_view("tasks", "Vera's", "status=failed", actor=vera)
    with pytest.raises(Forbidden):
        services.change_view(own.id, name="Vera's", is_shared=True, actor=vera)
    theirs = save_view("tasks", "Bob's", "status=failed", is_shared=True, actor=bob)
    services.delete_view(theirs.id, actor=alice)
    with pytest.raises(NotFound):
        services.delete_view(uuid4(), actor=alice)


def test_a_view_has_a_name_of_its_own_and_there_are_not_too_many(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = cast.actor("bob")
    for name in ("", "   ", 61 * "x"):
        with pytest.raises(Invalid):
            save_view("agents", name, "q=tea", actor=alice)
    view = save_view("agents", 60 * "x", "q=tea", actor=alice)
    with pytest.raises(Conflict, match="already"):
        save_view("agents", 60 * "X", "q=oak", actor=alice)
    save_view("documents", 60 * "x", "q=oak", actor=alice)
    save_view("agents", 60 * "x", "q=oak", actor=bob)
    services.change_view(view.id, name=60 * "x", is_shared=True, actor=alice)
    with pytest.raises(NotFound):
        save_view("webhooks", "x", "", actor=alice)
    with pytest.raises(Invalid, match="2,000"):
        save_view("agents", "long", f"q={2000 * 'x'}", actor=alice)
    monkeypatch.setattr(services, "MAX_VIEWS", 2)
    save_view("agents", "second", "q=oak", actor=alice)
    with pytest.raises(Conflict, match="2 views"):
        save_view("agents", "third", "q=oak", actor=alice)
    save_view("agents", "second", "q=oak", actor=bob)


@pytest.mark.parametrize("names", [["tea", "Tea", "TEA", "tEa"], ["a", "b", "c", "d"]])
def test_of_views_saved_at_once_each_counts_for_the_next(
    app: APIFlask, alice: Actor, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    monkeypatch.setattr(services, "MAX_VIEWS", 1)

    def save(name: str) -> bool:
        with app.app_context():
            try:
                return bool(save_view("agents", name, "q=tea", actor=alice))
            except Conflict:
                return False

    with ThreadPoolExecutor(len(names)) as pool:
        assert sum(pool.map(save, names)) == 1
    assert len(services.list_views("agents", actor=alice)) == 1


def test_of_views_renamed_at_once_one_has_the_name(app: APIFlask, alice: Actor) -> None:
    ids = [save_view("agents", str(number), "", actor=alice).id for number in range(4)]

    def rename(view_id: UUID) -> bool:
        with app.app_context():
            try:
                return bool(services.change_view(view_id, name="Tea", is_shared=False, actor=alice))
            except Conflict:
                return False

    with ThreadPoolExecutor(len(ids)) as pool:
        assert sum(pool.map(rename, ids)) == 1
    db.session.rollback()
    listed = services.list_views("agents", actor=alice)
    assert [view.name for view in listed].count("Tea") == 1


def test_a_view_that_has_lost_its_topic_can_be_deleted(alice: Actor, browser: Browser) -> None:
    make_document(alice)
    save_view("documents", "Lost", f"node={uuid4()}", actor=alice)
    ((_, _), (name, href)) = chips(browser, "/documents")
    page = browser.get(href, status=404)
    assert (name, page.css(".row-title")) == ("Lost", [])
    edit = page.css_first("#edit-view form").attributes["action"]
    browser.post(f"{edit}/deletion")
    assert len(chips(browser, "/documents")) == 1


def test_a_refused_name_is_told_on_the_page_of_the_list(browser: Browser) -> None:
    body = {"list": "agents", "name": "Tea", "query": "q=tea"}
    browser.post("/views", body)
    page = browser.post("/views", body, headers={"Referer": "http://localhost/agents?q=tea"})
    assert "There is a view “Tea” already." in words_of(page.css_first("#toasts .error"))
    assert page.css_first("input[name=q]").attributes["value"] == "tea"
