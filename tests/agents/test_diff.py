"""What differs between two versions: as a function, as JSON and as a page.

See docs/contract/versions.md.
"""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import services
from webapp.agents.models import DEFINITION
from webapp.agents.schemas import AgentUpdate
from webapp.agents.versions.diff import Line, diff, diff_lines, side_by_side
from webapp.core.actor import Actor

lines = st.lists(st.sampled_from(["a", "b", "c", "", "the same line", "다른 줄"]), max_size=12)


@given(lines, lines)
def test_lines_lead_from_one_text_to_the_other(old: list[str], new: list[str]) -> None:
    found = diff_lines("\n".join(old), "\n".join(new))
    before, after = "\n".join(old).splitlines(), "\n".join(new).splitlines()
    assert [line.text for line in found if line.op != "+"] == before
    assert [line.text for line in found if line.op != "-"] == after
    assert all(line.op == " " for line in diff_lines("\n".join(old), "\n".join(old)))


@given(lines, lines)
def test_rows_show_every_line_once_with_its_number(old: list[str], new: list[str]) -> None:
    sections = side_by_side("\n".join(old), "\n".join(new))
    rows = [row for section in sections for row in section.rows]
    before, after = "\n".join(old).splitlines(), "\n".join(new).splitlines()
    left = [(row.left_number, row.left) for row in rows if row.left_number]
    right = [(row.right_number, row.right) for row in rows if row.right_number]
    assert left == list(enumerate(before, 1))
    assert right == list(enumerate(after, 1))
    unified = [line for section in sections for line in section.unified]
    assert [line.text for line in unified if line.op != "+"] == before
    assert [line.text for line in unified if line.op != "-"] == after


def test_unchanged_parts_are_folded_and_words_marked() -> None:
    old = [f"line {number}" for number in range(40)]
    new = [*old[:20], "line twenty", *old[21:]]
    first, middle, last = side_by_side("\n".join(old), "\n".join(new))
    assert (first.is_folded, len(first.rows)) == (True, 17)
    assert (middle.is_folded, len(middle.rows)) == (False, 7)
    assert last.is_folded
    changed = middle.rows[3]
    assert [changed.left[a:b] for a, b in changed.left_spans] == ["20"]
    assert [changed.right[a:b] for a, b in changed.right_spans] == ["twenty"]


def test_lists_are_compared_as_sets_with_their_order() -> None:
    state = dict.fromkeys(DEFINITION)
    (change,) = diff(state | {"tools": ["a", "b", "c"]}, state | {"tools": ["c", "a", "d"]})
    assert (change.field, change.kind) == ("tools", "changed")
    assert change.items is not None
    assert (change.items.added, change.items.removed) == (["d"], ["b"])
    assert change.items.is_reordered
    (moved,) = diff(state | {"panels": ["x", "y"]}, state | {"panels": ["y", "x"]})
    assert moved.items is not None
    assert (moved.items.added, moved.items.removed, moved.items.is_reordered) == ([], [], True)


def test_kinds_tell_added_from_changed_and_removed() -> None:
    state = dict.fromkeys(DEFINITION)
    assert [change.kind for change in diff(state, state | {"voice": "v"})] == ["added"]
    assert [change.kind for change in diff(state | {"voice": "v"}, state)] == ["removed"]
    before, after = state | {"description": ""}, state | {"description": "now\nthen"}
    (change,) = diff(before, after)
    assert change.lines == [Line("+", "now"), Line("+", "then")]


def test_two_long_texts_are_compared_though_nothing_is_alike() -> None:
    numbers = random.Random(1)
    texts = [
        "\n".join(str(numbers.random()) for _ in range(12_000)) for _ in range(2)
    ]  # more pairs of lines than are compared one by one
    found = diff_lines(*texts)
    assert [line.op for line in found] == ["-"] * 12_000 + ["+"] * 12_000


def test_the_api_answers_from_to_and_the_changes(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", tools=["x"], instructions="one\ntwo")
    services.update_agent(
        "a",
        AgentUpdate(instructions="one\nthree", tools=["x", "y"], output_schema={"type": "object"}),
        actor=alice,
    )
    services.update_agent("a", AgentUpdate(voice="v"), actor=alice)
    api = cast.api("vera")
    answer = api.get("/agents/a/versions/1/diff/2").json
    assert (answer["from"], answer["to"]) == (1, 2)
    instructions, tools, schema = answer["changes"]
    assert instructions["field"] == "instructions"
    assert instructions["kind"] == "changed"
    assert (instructions["before"], instructions["after"]) == ("one\ntwo", "one\nthree")
    assert instructions["lines"] == [
        {"op": " ", "text": "one"}, {"op": "-", "text": "two"}, {"op": "+", "text": "three"}
    ]  # fmt: skip
    assert tools["items"] == {"added": ["y"], "removed": [], "is_reordered": False}
    assert (schema["field"], schema["kind"]) == ("output_schema", "added")
    current = api.get("/agents/a/versions/1/diff/current").json
    assert current["to"] == 3
    assert [change["field"] for change in current["changes"]][1] == "voice"
    assert api.get("/agents/a/versions/3/diff/3").json["changes"] == []
    back = api.get("/agents/a/versions/2/diff/1").json["changes"][2]
    assert back["kind"] == "removed"
    for path in ("9/diff/1", "1/diff/9", "1/diff/now", "1/diff/-1"):
        assert api.get(f"/agents/a/versions/{path}").status_code == 404


def test_the_page_draws_both_views(browser: Browser, alice: Actor) -> None:
    old = "\n".join(f"Rule {number}: <b>ask</b> first." for number in range(400))
    new = old.replace("Rule 7:", "Rule seven:").replace("Rule 300: <b>ask</b> first.\n", "")
    make_agent(alice, handle="other")
    make_agent(alice, handle="a", instructions=old)
    services.update_agent(
        "a", AgentUpdate(instructions=new, handoff_targets=["other"], tools=["x"]), actor=alice
    )
    page = browser.get("/agents/a/versions/compare?from=1")
    assert [node.text() for node in page.css(".change h2")] == [
        "Instructions", "Hand-offs", "Tools"
    ]  # fmt: skip
    # One word changed, one line is gone.
    assert len(page.css("#change-instructions del")) == 2
    assert len(page.css("#change-instructions ins")) == 1
    assert page.css_first("#change-instructions ins mark").text() == "seven"
    assert "<b>ask</b>" in page.css_first("#change-instructions del").text()
    folded = [node.text() for node in page.css("#change-instructions summary")]
    assert folded == ["4 unchanged lines", "286 unchanged lines", "96 unchanged lines"]
    assert page.css_first("#change-handoff_targets ins").text() == "other"
    page = browser.get("/agents/a/versions/compare?from=1&view=unified")
    assert [words_of(label).split()[0] for label in page.css("#compare label")] == ["From", "To"]
    assert [words_of(chosen) for chosen in page.css("#compare [selected]")] == [
        "Version 1",
        "Version 2 (current)",
    ]
    assert page.css_first("#compare [name=view]").attributes["value"] == "unified"
    assert len(page.css("#change-instructions .is-unified, .is-unified del")) >= 2
    assert "Nothing differs" in browser.get("/agents/a/versions/compare?from=2&to=2").body.text()
    browser.get("/agents/a/versions/compare?view=sideways", status=303)
    browser.get("/agents/a/versions/compare?from=5", status=404)
