"""Generators that answer for a long time, run step by step so that none keeps others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from functools import cache
from types import TracebackType
from typing import Any, Generic, TypeVar

import structlog
from flask import Flask, current_app, g
from flask.ctx import AppContext, RequestContext

from webapp.core.database import outcomes
from webapp.core.extensions import db

T = TypeVar("T")


class Steps(Generic[T]):
    """A generator of which each step is run by one of a few threads, and holds none between.

    All steps see the same application context, in which nothing of the request is left. Between
    two steps no transaction is open, however long the caller waits with the next.
    """

    def __init__(
        self, app: Flask, context: AppContext | RequestContext, items: Iterator[T]
    ) -> None:
        self._pool = _pool(app.config["CALLBOARD"].stream_threads)
        self._flask_context = context
        self._items = items
        self.request_id = g.get("request_id", "")
        self._context = Context()

    async def __aenter__(self) -> Steps[T]:
        await self._run(self._begin)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._run(self._end)

    async def next(self) -> T | None:
        """The next item; None at the end."""
        item: T | None = await self._run(self._step)
        return item

    async def _run(self, function: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._context.run, function)

    def _begin(self) -> None:
        self._flask_context.push()
        g.request_id = self.request_id
        structlog.contextvars.bind_contextvars(request_id=self.request_id)

    def _step(self) -> T | None:
        try:
            return next(self._items, None)
        finally:
            with outcomes.ending():
                db.session.rollback()

    def _end(self) -> None:
        close = getattr(self._items, "close", None)
        if close is not None:
            close()
        self._flask_context.pop()


def this_app() -> Flask:
    """The application itself, for what goes on after its request; `current_app` ends with that."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's
    return app


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="answers")
