"""The alert of an agent's coverage, set on its page."""

from __future__ import annotations

from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser
from tests.cast import Cast
from tests.coverage.pages.physicist import PAGE, text_of
from webapp.agents.models import Agent
from webapp.core.extensions import db
from webapp.coverage.alerts import allowed_drop


def alert(drop: str = "", webhook: str = "") -> dict[str, str]:
    return {"coverage_alert_drop": drop, "coverage_alert_webhook": webhook}


def fields_of(page: LexborHTMLParser) -> dict[str, str | None]:
    """What stands in the form of the alert."""
    return {
        field.attributes["name"]: field.attributes.get("value")
        for field in page.css("#alert .field input")
    }


def features(agent: Agent) -> dict[str, Any]:
    db.session.refresh(agent)
    return agent.features_config


def test_an_admin_sets_the_alert(browser: Browser, physicist: Agent) -> None:
    assert fields_of(browser.get(PAGE)) == alert("5")

    page = browser.post(PAGE, alert("7.5", " https://example.com/fell "))

    assert "The alert is set, as version 2." in text_of(page, "#toasts")
    assert fields_of(page) == alert("7.5", "https://example.com/fell")
    assert features(physicist) == {
        "coverage_alert_drop": 7.5,
        "coverage_alert_webhook": "https://example.com/fell",
    }
    assert physicist.version_note == "The alert of its coverage"


def test_an_empty_alert_is_none(browser: Browser, physicist: Agent) -> None:
    page = browser.post(PAGE, alert())
    assert fields_of(page) == alert()
    assert features(physicist) == {"coverage_alert_drop": None}
    assert allowed_drop(physicist) is None
    assert fields_of(browser.post(PAGE, alert("0"))) == alert("0")
    assert features(physicist) == {"coverage_alert_drop": 0}


def test_the_alert_leaves_other_switches_alone(
    cast: Cast, browser: Browser, physicist: Agent
) -> None:
    switches = {"stream_delay_ms": 0, "coverage_alert_webhook": "http://localhost:9/"}
    cast.api("alice").request("PATCH", f"/agents/{physicist.id}", {"features_config": switches})
    page = browser.post(PAGE, alert("5", "http://localhost:9/"))
    assert "Nothing has changed." in text_of(page, "#toasts")
    assert (features(physicist), physicist.current_version) == (switches, 2)
    browser.post(PAGE, alert("5"))
    assert features(physicist) == {"stream_delay_ms": 0}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("drop", "101", "between 0 and 100"),
        ("drop", "-0.5", "between 0 and 100"),
        ("drop", "nan", "between 0 and 100"),
        ("drop", "1e999", "between 0 and 100"),
        ("drop", "many", "Not a valid"),
        ("webhook", "http://example.com/", "The address must begin with https://"),
        ("webhook", "nonsense", "The address must begin with https://"),
        ("webhook", "https://a:b@example.com/", "must hold no user"),
        ("webhook", "https://10.1.1.1/", "names 10.1.1.1, a private address"),
        ("webhook", f"https://example.com/{'a' * 2000}", "more than 2,000 characters"),
    ],
)
def test_a_bad_alert_is_refused_beside_its_field(
    browser: Browser, physicist: Agent, field: str, value: str, sentence: str
) -> None:
    path = f"{PAGE}?threshold=0.75"
    page = browser.post(path, {**alert("9"), f"coverage_alert_{field}": value}, status=422)
    assert sentence in text_of(page, f"#coverage_alert_{field}-error")
    assert fields_of(page)[f"coverage_alert_{field}"] == value
    assert len(page.css("#alert .error")) == 1
    assert (features(physicist), physicist.current_version) == ({}, 1)
    # What the page asks for again by itself is an address that can be asked.
    again = page.css_first("#coverage").attributes["hx-get"]
    assert again == path
    assert text_of(browser.get(again or ""), "#gaps [aria-current]") == "75 %"


def test_an_archived_agents_alert_stays(cast: Cast, browser: Browser, physicist: Agent) -> None:
    physicist.status = "archived"
    db.session.commit()
    page = browser.post(PAGE, alert("9"), status=422)
    assert "archived and cannot be changed" in text_of(page, "#alert .notice")
    assert features(physicist) == {}


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_only_an_admin_sets_the_alert(cast: Cast, physicist: Agent, name: str) -> None:
    browser = cast.browser(name)
    assert not browser.get(PAGE).css("#alert")
    browser.post(PAGE, alert("9"), status=403)
    assert features(physicist) == {}


def test_nobody_elses_alert_is_set(cast: Cast, physicist: Agent) -> None:
    cast.browser("charlie").post(PAGE, alert("9"), status=404)
    assert features(physicist) == {}
