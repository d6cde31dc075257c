"""Generators that answer for long take turns, and hold nothing between two steps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack

from apiflask import APIFlask
from flask import g
from sqlalchemy import select

from webapp.core.extensions import db
from webapp.core.live.steps import Steps

COUNT = 100


async def run(app: APIFlask, items: Iterator[str]) -> list[str]:
    found = []
    async with Steps(app, app.app_context(), items) as steps:
        while (item := await steps.next()) is not None:
            found.append(item)
    return found


def test_many_answers_are_open_at_once(app: APIFlask) -> None:
    begun: list[int] = []

    def answer(number: int) -> Iterator[str]:
        begun.append(number)
        yield "started"
        # More than there are threads have begun before the first of them ends.
        assert len(begun) == COUNT
        yield "result"

    async def all_of_them() -> None:
        async with AsyncExitStack() as stack:
            opened = [
                await stack.enter_async_context(Steps(app, app.app_context(), answer(number)))
                for number in range(COUNT)
            ]
            for expected in ("started", "result", None):
                found = await asyncio.gather(*(steps.next() for steps in opened))
                assert found == COUNT * [expected]

    asyncio.run(all_of_them())


def test_an_answer_that_waits_keeps_no_other_waiting(app: APIFlask) -> None:
    released = threading.Event()

    def slow() -> Iterator[str]:
        assert released.wait(60)
        yield "slow"

    def quick() -> Iterator[str]:
        yield "quick"
        released.set()

    async def both() -> list[list[str]]:
        return await asyncio.gather(run(app, slow()), run(app, quick()))

    assert asyncio.run(both()) == [["slow"], ["quick"]]


def test_all_steps_have_one_context_and_no_transaction_stays_open(app: APIFlask) -> None:
    contexts, sessions = [], []

    def answer() -> Iterator[str]:
        for _ in range(3):
            contexts.append(g._get_current_object())  # type: ignore[attr-defined]  # the proxy's
            sessions.append(db.session())
            db.session.scalar(select(1))
            assert sessions[-1].in_transaction()
            yield "x"

    async def look() -> None:
        async with Steps(app, app.app_context(), answer()) as steps:
            while await steps.next() is not None:
                assert not sessions[-1].in_transaction()

    asyncio.run(look())
    assert len({id(context) for context in contexts}) == 1
