"""What is done when the answer has been sent."""

from __future__ import annotations

from functools import partial
from threading import Event

import pytest
from flask import Flask, Response

from tests.cast import Cast
from webapp.core.http import afterwards


@pytest.fixture
def app(cast: Cast) -> Flask:
    cast.app.extensions.pop("callboard-afterwards", None)
    return cast.app


def answer(app: Flask) -> None:
    """Answer the request whose context is open, to the end."""
    response: Response = app.process_response(app.response_class("done"))
    response.close()


def test_no_answer_waits_for_it(app: Flask) -> None:
    answered, found = Event(), []
    with app.test_request_context():
        afterwards.afterwards(lambda: found.append(answered.wait(10)))
        answer(app)
    assert found == []
    answered.set()
    afterwards.of(app).wait(10)
    assert found == [True]


def test_only_so_much_of_it_waits(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afterwards, "MAX_WAITING", 2)
    later, begun, go = afterwards.of(app), Event(), Event()
    done: list[int] = []

    def block() -> None:
        begun.set()
        go.wait(10)

    later.add(block)
    assert begun.wait(10)
    for number in range(5):
        later.add(partial(done.append, number))
    go.set()
    later.wait(10)
    assert done == [0, 1]
    later.add(lambda: done.append(9))
    later.wait(10)
    assert done == [0, 1, 9]


def test_what_fails_ends_neither_the_thread_nor_what_comes_after(app: Flask) -> None:
    done: list[int] = []

    def fail() -> None:
        raise OSError("no disk")

    later = afterwards.of(app)
    later.add(fail)
    later.add(lambda: done.append(True))
    later.wait(10)
    assert done == [True]


def test_outside_of_a_request_there_is_no_afterwards(app: Flask) -> None:
    done: list[bool] = []
    with app.app_context():
        afterwards.afterwards(lambda: done.append(True))
    afterwards.of(app).wait(10)
    assert done == []
