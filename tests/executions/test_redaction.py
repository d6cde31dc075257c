"""No secret is written: neither one that the order has, nor what looks like one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.executions.conftest import accept_script, lines_of, run_again
from tests.factories import make_agent
from webapp.catalog.models import Provider
from webapp.catalog.schemas import ModelRequest
from webapp.catalog.services import create_model
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.redaction import REDACTED
from webapp.executions.models import ExecutionStep, OutputChunk
from webapp.executions.redaction import MAX_DEPTH, TOO_DEEP, Redactor

SECRET = "correct-horse-battery"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("key correct-horse-battery!", "key [redacted]!"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]"),
        ('{"authorization": "Basic dXNlcjpwYXNz"}', '{"authorization": "Basic [redacted]"}'),
        ("curl -H 'X-API-Key: 0123456789'", "curl -H 'X-API-Key: [redacted]'"),
        ("api_key=0123456789&q=tea", "api_key=[redacted]&q=tea"),
        ("uses sk-proj-0123456789abcdef now", "uses [redacted] now"),
        ("cb_0123456789abcdef0123", "[redacted]"),
        ("ghp_0123456789abcdef0123", "[redacted]"),
        ("postgres://me:hunter2@host/db", "postgres://me:[redacted]@host/db"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "[redacted]"),
        ("green tea wants 80 degrees", "green tea wants 80 degrees"),
        ("the bearer of good news", "the bearer of good news"),
        ("task-0123456789abcdef0123", "task-0123456789abcdef0123"),
        ("https://host:80/path@x", "https://host:80/path@x"),
    ],
)
def test_texts_lose_their_secrets_and_nothing_else(text: str, redacted: str) -> None:
    assert Redactor([SECRET]).text(text) == redacted


def test_fields_that_are_named_so_lose_their_values() -> None:
    given = {
        "headers": {"Authorization": "x", "Accept": "json", "set-cookie": "a=b"},
        "password": "p", "tokens": 5, "token": "t", "max_token": "m", "list": [SECRET, 1, None],
    }  # fmt: skip
    assert Redactor([SECRET]).json(given) == {
        "headers": {"Authorization": REDACTED, "Accept": "json", "set-cookie": REDACTED},
        "password": REDACTED, "tokens": 5, "token": REDACTED, "max_token": "m",
        "list": [REDACTED, 1, None],
    }  # fmt: skip


def test_what_no_database_keeps_is_replaced() -> None:
    redactor = Redactor()
    assert redactor.text("a\x00b") == "a\ufffdb"
    assert redactor.json(float("nan")) is None
    value: Any = "deep"
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    assert TOO_DEEP in str(redactor.json(value))


def test_a_short_value_is_no_secret() -> None:
    assert Redactor(["tea"]).text("green tea") == "green tea"


def test_a_growing_text_keeps_back_what_may_become_a_secret() -> None:
    redactor = Redactor([SECRET])
    assert redactor.split("say correct-ho") == ("say ", "correct-ho")
    assert redactor.split("say correctly") == ("say correctly", "")
    assert redactor.split("") == ("", "")


def _shown(redactor: Redactor, pieces: list[str]) -> str:
    text, held = "", ""
    for piece in pieces:
        shown, held = redactor.split(held + piece)
        text += redactor.known(shown)
    return text + redactor.known(held)


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (["abc-0123-abc"], "<abc-0123-abc>", f"<{REDACTED}>"),
        (["abc-0123-abc"], "<abc-0123-abc", f"<{REDACTED}"),
        (["abc-0123-abc"], "abc-0123-abcabc-0123-abc abc", f"{REDACTED}{REDACTED} abc"),
        (["aaaaaaaa"], "aaaaaaaa!", f"{REDACTED}!"),
        (["abcdef", "abcdef-long"], "abcdef abcdef-long", f"{REDACTED} {REDACTED}"),
        (["sk-0123456789abcdefghijkl"], "sk-0123456789abcdefghijkl.", f"{REDACTED}."),
    ],
)
def test_a_secret_is_taken_out_of_a_growing_text_however_it_is_cut(
    secrets: list[str], text: str, shown: str
) -> None:
    redactor = Redactor(secrets)
    assert _shown(redactor, list(text)) == shown
    for size in range(len(text) + 1):
        assert _shown(redactor, [text[:size], text[size:]]) == shown


def test_what_is_used_loses_known_secrets_only() -> None:
    value = {"token": "tea", "password": f"p {SECRET}", "note": "cb_0123456789abcdef0123"}
    redactor = Redactor([SECRET])
    assert redactor.known_json(value) == value | {"password": f"p {REDACTED}"}
    assert redactor.known_json([2**63, {SECRET: 1}]) == [None, {REDACTED: 1}]


def test_outputs_and_steps_keep_fields_named_as_secrets_and_logs_do_not(
    alice: Actor, scripted: None, keyed: str
) -> None:
    fields = {"token": "tea", "cookie": f"x {SECRET}", "secret": "sk-0123456789abcdefghijkl"}
    kept = fields | {"cookie": f"x {REDACTED}"}
    step = {"kind": "tool", "call_id": "a", "content": fields}
    execution = accept_script(
        alice,
        ("log", "With them", {"metadata": fields}),
        ("ask", {"ask": "record", "step": step}),
        ("tell", {"result": {"output": {"text": "Done", "data": fields}}}),
        agent=keyed,
    )
    execution = run_again(execution)
    assert execution.status == "completed", execution.error
    assert execution.output["data"] == kept
    assert [step.content for step in db.session.scalars(db.select(ExecutionStep))] == [kept]
    (line,) = [line for line in lines_of(execution) if line.message == "With them"]
    assert line.fields == dict.fromkeys(fields, REDACTED)


@pytest.fixture
def keyed(alice: Actor) -> str:
    """An agent whose model has a key, which the runner is told."""
    body = ModelRequest(provider=Provider.OPENAI, model="gpt-4.1", api_key=SECRET)
    model = create_model(body, actor=alice)
    return make_agent(alice, handle="keyed", model=model.name).handle


def test_nothing_that_an_execution_writes_has_the_key(
    alice: Actor, scripted: None, keyed: str
) -> None:
    step = {"kind": "tool", "call_id": "a", "content": {"header": f"x {SECRET}"}}
    execution = accept_script(
        alice,
        ("secret",),
        ("log", "With it", {"metadata": {"arguments": [SECRET]}}),
        ("ask", {"ask": "record", "step": step}),
        *[("output", letter) for letter in f"<{SECRET}>"],
        ("result", f"It is {SECRET}."),
        agent=keyed,
    )
    execution = run_again(execution)
    assert execution.status == "completed"
    assert execution.output["text"] == f"It is {REDACTED}."
    chunks = db.session.scalars(db.select(OutputChunk).order_by(OutputChunk.sequence))
    assert "".join(chunk.text or "" for chunk in chunks) == f"<{REDACTED}>"
    steps = db.session.scalars(db.select(ExecutionStep)).all()
    assert [kept.content for kept in steps] == [{"header": f"x {REDACTED}"}]
    written = [(line.message, str(line.fields)) for line in lines_of(execution)]
    assert SECRET not in str(written)
    assert any(message == REDACTED for message, _ in written)


def test_a_failure_does_not_tell_the_key(alice: Actor, scripted: None, keyed: str) -> None:
    failure = {"code": "upstream_auth", "message": f"{SECRET} is wrong", "suggestions": [SECRET]}
    execution = run_again(accept_script(alice, ("failure", failure), agent=keyed))
    assert execution.error == {
        "code": "upstream_auth", "message": f"{REDACTED} is wrong", "suggestions": [REDACTED],
    }  # fmt: skip
    execution = run_again(accept_script(alice, ("raise", f"broken: {SECRET}"), agent=keyed))
    assert execution.error and execution.error["message"] == f"RuntimeError: broken: {REDACTED}"
    assert SECRET not in str([(line.message, line.fields) for line in lines_of(execution)])
