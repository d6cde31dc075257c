"""The list of tasks, by status, kind and agent."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.tasks import changes, services
from webapp.tasks.models import Status


@pytest.fixture
def tasks(alice: Actor) -> dict[str, str]:
    """An import that failed, a check that runs, and a refresh of an agent that waits."""
    agent = make_agent(alice)
    made = {
        name: changes.start_task(name, title=name, input={}, actor=alice, agent_id=agent_id)
        for name, agent_id in (
            ("document_import", None), ("index_check", None), ("coverage_refresh", agent.id),
        )
    }  # fmt: skip
    changes.end_task(made["document_import"], Status.FAILED, "It broke.")
    made["index_check"].begin(made["index_check"].created_at)
    db.session.commit()
    return {name: task.id for name, task in made.items()} | {"agent": str(agent.id)}


def test_each_filter_narrows(cast: Cast, tasks: dict[str, str]) -> None:
    def found(query: str) -> set[str]:
        answer = cast.api("vera").get(f"/tasks?{query}")
        assert int(answer.headers["X-Total-Count"]) == len(answer.json)
        return {task["task_type"] for task in answer.json}

    assert len(found("")) == 3
    assert found("status=failed") == {"document_import"}
    assert found("task_type=index_check") == {"index_check"}
    assert found(f"agent_id={tasks['agent']}") == {"coverage_refresh"}
    assert found("status=failed&task_type=index_check") == set()
    assert len(cast.api("vera").get("/tasks?limit=1").json) == 1
    assert cast.api("charlie").get("/tasks").json == []


def test_the_newest_come_first_a_page_at_a_time(cast: Cast, tasks: dict[str, str]) -> None:
    newest_first = ["coverage_refresh", "index_check", "document_import"]
    api = cast.api("vera")
    assert [task["task_type"] for task in api.get("/tasks").json] == newest_first
    pages = [api.get(f"/tasks?limit=1&offset={number}").json for number in range(4)]
    assert [[task["task_type"] for task in page] for page in pages] == [
        *([name] for name in newest_first), [],
    ]  # fmt: skip


def test_another_try_is_the_same_in_everything(tasks: dict[str, str], alice: Actor) -> None:
    url = "https://hooks.example.com/tasks"
    old = changes.start_task(
        "coverage_refresh", title="Refresh", input={"kept": 1}, actor=alice,
        agent_id=UUID(tasks["agent"]), webhook_url=url,
    )  # fmt: skip
    changes.end_task(old, Status.FAILED, "It broke.")
    db.session.commit()
    new = services.retry_task(old.id, actor=alice)
    assert new.id != old.id
    assert (new.title, new.input, str(new.agent_id), new.webhook_url, new.retry_of) == (
        "Refresh", {"kept": 1}, tasks["agent"], url, old.id,
    )  # fmt: skip
    assert (old.status, new.status) == (Status.FAILED, Status.PENDING)


@pytest.mark.parametrize("query", ["status=sleeping", "agent_id=x", "limit=0", "offset=-1"])
def test_a_filter_that_cannot_be_is_refused(cast: Cast, query: str) -> None:
    assert cast.api("vera").get(f"/tasks?{query}").status_code == 422
    page = cast.browser("vera").get(f"/tasks?{query}")
    assert "The page leaves it out." in page.css_first(".toast.error").text()


def test_the_page_keeps_its_filters(cast: Cast, tasks: dict[str, str]) -> None:
    browser = cast.browser("vera")
    page = browser.get("/tasks?status=&task_type=document_import")
    assert [row.text() for row in page.css("#tasks .row-title")] == ["document_import"]
    (chosen,) = page.css("[name=task_type] option[selected]")
    assert words_of(chosen) == "Document import"
    (part,) = page.css("#tasks[data-refresh]")
    assert "task_type=document_import" in str(part.attributes["hx-get"])
    assert "No task matches" in browser.get("/tasks?status=cancelled").text()


def test_what_has_not_failed_cannot_be_tried_again(cast: Cast, tasks: dict[str, str]) -> None:
    answer = cast.api("alice").post(f"/tasks/{tasks['index_check']}/retry")
    assert (answer.status_code, answer.json["code"]) == (409, "not_retryable")


@pytest.mark.parametrize(
    ("status", "result", "word", "tone"),
    [
        (Status.COMPLETED, {"created": 3, "failed": 0}, "completed", "good"),
        (Status.COMPLETED, {"created": 3, "failed": 1}, "completed with 1 problem", "warn"),
        (Status.COMPLETED, {"created": 3, "failed": 1200}, "completed with 1,200 problems", "warn"),
        (Status.FAILED, {"created": 0, "failed": 2}, "failed", "bad"),
        (Status.CANCELLED, {"created": 1, "failed": 2}, "cancelled", "warn"),
    ],
)
def test_what_went_on_past_failed_lines_is_amber_and_says_so(
    browser: Browser, alice: Actor, status: Status, result: dict[str, int], word: str, tone: str
) -> None:
    task = changes.start_task("document_import", title="Import", input={}, actor=alice)
    task.result = {"replaced": 0, "errors": [], **result}
    changes.end_task(task, status)
    db.session.commit()
    for path in ("/tasks", f"/tasks/{task.id}"):
        badge = browser.get(path).css_first("main .badge.status")
        assert words_of(badge) == word
        assert tone in (badge.attributes["class"] or "").split()
        assert badge.css_first("svg.icon use") is not None
