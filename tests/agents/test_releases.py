"""Publish, promote, roll back and retire releases (docs/contract/versions.md)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from apiflask import APIFlask
from sqlalchemy import select, update

from tests.browser import Browser, words_of
from tests.cast import Api, Cast
from tests.factories import make_agent
from webapp.agents import services
from webapp.agents.models import DEFINITION, Environment, Release, Status
from webapp.agents.releases import services as releases
from webapp.agents.releases.proposal import propose_semver
from webapp.agents.schemas import AgentUpdate, PublishRequest
from webapp.core.actor import Actor
from webapp.core.errors import Conflict, Invalid
from webapp.core.extensions import db
from webapp.webhooks import services as webhooks
from webapp.webhooks.models import Delivery

STATE = dict.fromkeys(DEFINITION)
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("before", "after", "proposed"),
    [
        ({}, {"description": "x"}, "1.2.4"),
        ({}, {"tools": ["x"]}, "1.2.4"),
        ({}, {"instructions": "x"}, "1.3.0"),
        ({"input_schema": {"type": "object"}}, {"input_schema": NUMBER}, "1.3.0"),
        ({}, {"input_schema": NUMBER}, "1.3.0"),
        ({"input_schema": NUMBER}, {"input_schema": NUMBER | {"required": ["n"]}}, "2.0.0"),
        ({"output_schema": NUMBER}, {"output_schema": None}, "2.0.0"),
        ({"output_schema": NUMBER}, {"output_schema": {"type": "object"}}, "2.0.0"),
        ({"output_schema": NUMBER}, {"output_schema": {"type": "array"}}, "2.0.0"),
    ],
)
def test_the_proposal_follows_what_changed(
    before: dict[str, object], after: dict[str, object], proposed: str
) -> None:
    assert propose_semver("1.2.3", STATE | before, STATE | before | after) == proposed
    assert propose_semver(None, STATE, STATE) == "1.0.0"


def publish(api: Api, version: int, **body: str) -> dict[str, object]:
    response = api.post(f"/agents/a/versions/{version}/publish", body)
    assert response.status_code == 200, response.text
    return dict(response.json)


def test_publishing_keeps_the_version_and_never_changes_it(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", description="one")
    api = cast.api("alice")
    release = publish(api, 1, changelog="The first")
    assert (release["semver"], release["version"]) == ("1.0.0", 1)
    assert release["environments"] == ["production"]
    assert release["status"] == "published"
    snapshot = api.get("/agents/a/versions/1").json
    assert snapshot["snapshot"]["description"] == "one"
    answer = api.put("/agents/a", {"description": "two"}).json
    assert answer["current_version"] == 2
    assert api.get("/agents/a/versions/1").json == snapshot
    assert answer["environments"] == {"production": {"version": 1, "semver": "1.0.0"}}
    assert answer["status"] == "published"
    second = publish(api, 2)
    assert second["semver"] == "1.0.1"


def test_semver_must_rise_and_be_one(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    publish(api, 1, semver="1.5.0")
    api.put("/agents/a", {"instructions": "Else."})
    for semver in ("1.5.0", "1.4.9", "1.5.0-rc.1"):
        refused = api.post("/agents/a/versions/2/publish", {"semver": semver})
        assert (refused.status_code, refused.json["code"]) == (409, "semver_not_rising")
        assert refused.json["extras"] == {"highest": "1.5.0", "proposed": "1.6.0"}
    for semver in ("1", "v2.0.0", "2.0", "2.0.0.0", "x" * 65):
        assert api.post("/agents/a/versions/2/publish", {"semver": semver}).status_code == 422
    assert publish(api, 2, semver="2.0.0-rc.1")["semver"] == "2.0.0-rc.1"
    assert len(api.get("/agents/a/releases").json["releases"]) == 2


def test_what_a_wrong_clock_has_dated_is_not_the_highest(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="a")
    api = cast.api("alice")
    publish(api, 1)
    db.session.execute(update(Release).values(created_at=datetime(2099, 1, 1, tzinfo=UTC)))
    db.session.commit()
    api.put("/agents/a", {"instructions": "Two."})
    assert publish(api, 2)["semver"] == "1.1.0"
    api.put("/agents/a", {"instructions": "Three."})
    refused = api.post("/agents/a/versions/3/publish", {"semver": "1.0.1"})
    assert refused.json["extras"] == {"highest": "1.1.0", "proposed": "1.2.0"}
    assert [semver for semver, _ in releases.list_next(agent)] == ["1.1.1", "1.2.0", "2.0.0"]


def test_promoting_keeps_the_semver(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    assert publish(api, 1, environment="staging")["environments"] == ["staging"]
    promoted = publish(api, 1, environment="production")
    assert promoted["semver"] == "1.0.0"
    assert promoted["environments"] == ["staging", "production"]
    other = api.post("/agents/a/versions/1/publish", {"semver": "3.0.0"})
    assert other.json["code"] == "already_published"
    answer = api.get("/agents/a/releases").json
    assert answer["environments"]["production"] == {"version": 1, "semver": "1.0.0"}
    assert len(answer["releases"]) == 1
    again = api.get("/agents/a").json["revision"]
    publish(api, 1)
    assert api.get("/agents/a").json["revision"] == again


def test_an_environment_goes_back_to_what_it_ran_before(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    none = api.post("/agents/a/releases/rollback", {})
    assert (none.status_code, none.json["code"]) == (409, "nothing_running")
    publish(api, 1)
    assert api.post("/agents/a/releases/rollback", {}).json["code"] == "no_earlier_release"
    api.put("/agents/a", {"voice": "v"})
    publish(api, 2, environment="staging")
    api.put("/agents/a", {"voice": "w"})
    publish(api, 3)
    back = api.post("/agents/a/releases/rollback", {"environment": "production"}).json
    # Staging's 1.0.1 was never in production.
    assert (back["semver"], back["version"]) == ("1.0.0", 1)
    forth = api.post("/agents/a/releases/rollback", {"to": "1.0.1"}).json
    assert forth["environments"] == ["staging", "production"]
    assert api.post("/agents/a/releases/rollback", {"to": "9.9.9"}).status_code == 404
    assert api.get("/agents/a").json["current_version"] == 3


def test_webhooks_are_told_which_release_an_environment_runs_and_which_it_ran(
    cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="a")
    events = ["release.published", "release.promoted", "release.rolled_back"]
    webhooks.create_webhook("https://example.com/hook", events=events, actor=alice)
    services.update_agent("a", AgentUpdate(name="B", instructions="New."), actor=alice)
    for version, environment in ((1, "staging"), (1, "production"), (2, "production")):
        body = PublishRequest(environment=Environment(environment))
        releases.publish_version("a", version, body, actor=alice)
    releases.roll_back_environment("a", Environment.PRODUCTION, actor=alice)
    # What runs already is no news.
    releases.publish_version("a", 1, PublishRequest(), actor=alice)
    sent = list(db.session.scalars(select(Delivery.payload).order_by(Delivery.created_at)))
    data = [payload["data"] for payload in sent]
    assert [
        (
            payload["type"],
            told["environment"],
            told["version"],
            told["semver"],
            told["semver_before"],
        )
        for payload, told in zip(sent, data, strict=True)
    ] == [
        ("release.published", "staging", 1, "1.0.0", None),
        ("release.promoted", "production", 1, "1.0.0", None),
        ("release.published", "production", 2, "1.1.0", "1.0.0"),
        ("release.rolled_back", "production", 1, "1.0.0", "1.1.0"),
    ]
    agent = services.get_agent("a", actor=alice)
    assert {(told["agent_id"], told["handle"], told["by"]) for told in data} == {
        (str(agent.id), "a", "alice@example.com")
    }


def test_releases_are_deprecated_archived_and_reinstated(alice: Actor) -> None:
    agent = make_agent(alice, handle="a")
    releases.publish_version("a", 1, PublishRequest(), actor=alice)
    releases.change_status("a", "1.0.0", Status.DEPRECATED, actor=alice)
    assert agent.status == "deprecated"
    with pytest.raises(Conflict, match="production runs it"):
        releases.change_status("a", "1.0.0", Status.ARCHIVED, actor=alice)
    services.update_agent("a", AgentUpdate(voice="v"), actor=alice)
    releases.publish_version("a", 2, PublishRequest(), actor=alice)
    assert agent.status == "published"
    releases.change_status("a", "1.0.0", Status.ARCHIVED, actor=alice)
    with pytest.raises(Conflict, match="archived"):
        releases.publish_version("a", 1, PublishRequest(), actor=alice)
    with pytest.raises(Conflict, match="before"):
        releases.roll_back_environment("a", Environment.PRODUCTION, actor=alice)
    releases.change_status("a", "1.0.0", Status.PUBLISHED, actor=alice)
    back = releases.roll_back_environment("a", Environment.PRODUCTION, actor=alice)
    assert back.semver == "1.0.0"
    with pytest.raises(Invalid):
        releases.change_status("a", "1.0.0", Status.DRAFT, actor=alice)


def test_an_older_version_can_be_published_too(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", description="one")
    api = cast.api("alice")
    api.put("/agents/a", {"description": "two"})
    assert publish(api, 1)["version"] == 1
    assert api.get("/agents/a").json["current_version"] == 2
    assert api.post("/agents/a/versions/5/publish", {}).status_code == 404


def test_two_who_publish_at_once_make_one_release(app: APIFlask, alice: Actor) -> None:
    make_agent(alice, handle="a")

    def run(_: int) -> str:
        with app.app_context():
            return releases.publish_version("a", 1, PublishRequest(), actor=alice).semver

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(run, range(6))) == {"1.0.0"}
    assert len(releases.list_releases("a", actor=alice).deployments) == 1


def test_the_page_publishes_promotes_and_rolls_back(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    page = browser.get("/agents/a/releases")
    assert "Nothing is published" in page.body.text()
    assert page.css_first("#semver").attributes["placeholder"] == "1.0.0"
    assert page.css_first("[name=environment][checked]").attributes["value"] == "staging"
    page = browser.post(
        "/agents/a/releases", {"environment": "staging", "semver": "", "version": 1}
    )
    assert "1.0.0" in page.css_first("#environment-staging .semver").text()
    button = page.css_first(".head .button.primary")
    assert "disabled" in button.attributes
    assert page.css_first("#publish") is None
    promote = page.css_first("#environment-production form").attributes["action"]
    page = browser.post(promote, {"environment": "production"})
    assert "1.0.0" in page.css_first("#environment-production .semver").text()
    services.update_agent("a", AgentUpdate(voice="v"), actor=alice)
    page = browser.post(
        "/agents/a/releases?version=2", {"environment": "production", "semver": "0.9.0"}, status=422
    )
    assert [button.attributes["value"] for button in page.css("[data-fill=semver]")] == [
        "1.0.1",
        "1.1.0",
        "2.0.0",
    ]
    rules = words_of(page.css_first("#semver-hint"))
    assert "1.1.0 for instructions or schemas" in rules
    assert "Left empty, it becomes 1.0.1" in rules
    refusal = "0.9.0 is not above 1.0.0, the highest release: next is 1.0.1, 1.1.0 or 2.0.0."
    assert refusal in words_of(page.css_first("#semver-hint").parent)
    browser.post("/agents/a/releases?version=2", {"environment": "production", "semver": ""})
    page = browser.post("/agents/a/releases/rollback", {"environment": "production"})
    assert "1.0.0" in page.css_first("#environment-production .semver").text()
    # The button says which release it is, and whoever was quicker has let that run already.
    page = browser.post(
        "/agents/a/releases/rollback", {"environment": "production", "semver": "1.0.0"}
    )
    assert "runs 1.0.0 already" in page.css_first(".toast.error").text()
    form = page.css_first("#releases table form[data-confirm]")
    asked = [form.attributes[f"data-confirm{part}"] for part in ("", "-sentence", "-verb")]
    assert asked == [
        "Run 1.0.1 in production?",
        "Production runs 1.0.0 now.",
        "Run in production",
    ]
    assert form.css_first("[name=environment]").attributes["value"] == "production"
    page = browser.post("/agents/a/releases/1.0.1/status", {"status": "archived"})
    assert "archived" in page.css_first("#releases table").text()
    page = browser.post("/agents/a/releases/1.0.0/status", {"status": "nonsense"})
    assert "must be published" in page.css_first(".toast.error").text()
    page = browser.post("/agents/a/releases/rollback", {"environment": "moon"})
    assert "staging or production" in page.css_first(".toast.error").text()


def test_who_deployed_in_a_row_is_named_once(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    for environment in ("staging", "production"):
        browser.post("/agents/a/releases?version=1", {"environment": environment, "semver": ""})
    rows = browser.get("/agents/a/releases").css("main li")
    told = [
        "follows" in (row.attributes.get("class") or "") for row in rows if row.css_first(".actor")
    ]
    assert told == [False, True]


def test_a_released_version_says_so_and_leads_to_its_release(
    browser: Browser, alice: Actor
) -> None:
    make_agent(alice, handle="a", name="Ada")
    address = "/agents/a/releases/new"
    form = browser.get(address).css_first("form[action^='/agents/a/releases']")
    assert form is not None
    leave = form.css_first(".actions a")
    assert (words_of(leave), leave.attributes["href"]) == ("Cancel", "/agents/a/releases")
    browser.post("/agents/a/releases?version=1", {"environment": "staging", "semver": "2.0.0"})
    page = browser.get(f"{address}?version=1")
    told = words_of(page.css_first("#released"))
    assert "Version 1 is released already, as 2.0.0" in told
    assert "Staging runs it." in told
    assert page.css_first("form[action^='/agents/a/releases']") is None
    href = str(page.css_first("#released a").attributes["href"])
    assert browser.get(href).css_first(f"#{href.partition('#')[2]} b").text() == "2.0.0"
    # A form that was open before promotes what there is, and says which.
    page = browser.post("/agents/a/releases?version=1", {"environment": "production", "semver": ""})
    told = words_of(page.css_first("#toasts"))
    assert "Version 1 was released already, as 2.0.0. 2.0.0 runs in production." in told
    page = browser.post(
        "/agents/a/releases?version=1",
        {"environment": "production", "semver": "3.0.0"},
        status=422,
    )
    assert "as 2.0.0" in words_of(page.css_first("#released"))
    browser.get(f"{address}?version=9", status=404)


def test_why_there_is_nothing_to_publish_can_be_read(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    assert browser.get("/agents/a/releases").css_first("#why-not-publish") is None
    browser.post("/agents/a/releases?version=1", {"environment": "staging", "semver": ""})
    page = browser.get("/agents/a/releases")
    button = page.css_first("[popovertarget=publish]")
    assert "disabled" in button.attributes
    reason = page.css_first(f"#{button.attributes['aria-describedby']}")
    assert words_of(reason) == (
        "Version 1 is released as 1.0.0. Change the definition to publish again."
    )


def test_to_deprecate_what_runs_asks_first(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a", name="Triage Agent")
    releases.publish_version("a", 1, PublishRequest(semver="1.0.0"), actor=alice)
    services.update_agent("a", AgentUpdate(voice="v"), actor=alice)
    releases.publish_version("a", 2, PublishRequest(semver="1.1.0"), actor=alice)
    page = browser.get("/agents/a/releases")
    asked = {
        form.attributes["action"].split("/")[-2]: form.attributes
        for form in page.css("#releases form")
        if form.css_first("[value=deprecated]")
    }
    assert "data-confirm" not in asked["1.0.0"]
    assert asked["1.1.0"]["data-confirm"] == "Deprecate release 1.1.0 of Triage Agent?"
    assert asked["1.1.0"]["data-confirm-verb"] == "Deprecate 1.1.0"
    sentence = asked["1.1.0"]["data-confirm-sentence"]
    assert sentence.startswith("Production will go on running it, and the agent counts as")


def test_what_runs_is_seen_wherever_the_agent_is(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="b")
    make_agent(alice, handle="a", handoff_targets=["b"])
    releases.publish_version("a", 1, PublishRequest(semver="4.2.0"), actor=alice)
    for path in (
        "/agents", "/agents/a", "/agents/a/ask", "/agents/a/edit", "/agents/a/versions",
        "/agents/a/versions/1", "/agents/a/versions/compare?from=1", "/agents/a/releases",
        "/agents/a/settings", "/agents/handoffs", "/palette?q=a",
    ):  # fmt: skip
        assert "4.2.0" in browser.get(path).body.text(), path
