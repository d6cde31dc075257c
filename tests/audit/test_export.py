"""The audit log as a file: CSV and JSON lines, by page and API, whatever its size."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.browser import words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.audit import services as audit
from webapp.audit.schemas import EntryResponse
from webapp.core.actor import Actor


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_an_export_has_all_that_matches_however_much(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "EXPORTED_AT_ONCE", 2)
    api = cast.api("alice")
    assert rows_of(api.get("/audit/export?format=csv&subject=Agent ").text) == []
    assert api.get("/audit/export?subject=Agent ").text == ""
    for count in range(1, 6):  # parts that are full, and one that is not
        make_agent(alice, name=f"Agent {count}")
        expected = [f"Agent {number}" for number in range(count, 0, -1)]
        file = api.get("/audit/export?format=csv&subject=Agent ")
        assert [row["subject_name"] for row in rows_of(file.text)] == expected
        lines = api.get("/audit/export?subject=Agent ").text.splitlines()
        assert [json.loads(line)["subject_name"] for line in lines] == expected


def test_lines_are_what_the_list_answers(cast: Cast, alice: Actor) -> None:
    make_agent(alice, name="Überprüfung")
    api = cast.api("alice")
    answer = api.get("/audit/export?format=jsonl")
    assert answer.mimetype == "application/x-ndjson"
    assert ".jsonl" in answer.headers["Content-Disposition"]
    assert [json.loads(line) for line in answer.text.splitlines()] == api.get("/audit").json[
        "items"
    ]


def test_a_name_becomes_no_formula(cast: Cast, alice: Actor) -> None:
    make_agent(alice, name="=1+1")
    answer = cast.api("alice").get("/audit/export?format=csv&subject=1%2B1")
    assert answer.mimetype == "text/csv"
    (row,) = rows_of(answer.text)
    assert list(row) == list(EntryResponse.model_fields)
    assert row["subject_name"] == "'=1+1"
    assert (row["actor"], row["key_name"], row["action"]) == (alice.name, "", "create")
    assert json.loads(row["detail"]) == {}


def test_the_page_exports_what_its_filters_show(cast: Cast, alice: Actor) -> None:
    make_agent(alice, name="Triage & co")
    make_agent(alice, name="Billing")
    browser = cast.browser("alice")
    page = browser.get("/audit?thing=triage+%26+co&what=create&range=24h&before=99999999")
    links = {words_of(link): link.attributes["href"] for link in page.css(".list-foot a[download]")}
    file = browser.client.get(links["CSV"])
    assert ".csv" in file.headers["Content-Disposition"]
    assert [row["subject_name"] for row in rows_of(file.text)] == ["Triage & co"]
    (line,) = browser.client.get(links["JSON lines"]).text.splitlines()
    assert json.loads(line)["subject_name"] == "Triage & co"
    assert browser.get("/audit?who=nobody").css(".list-foot a") == []
    assert cast.browser("bob").client.get(links["CSV"]).status_code == 403
    assert "Triage" not in cast.browser("charlie").client.get(links["CSV"]).text
