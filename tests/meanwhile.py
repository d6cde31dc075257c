"""Somebody else acts at a certain moment of what a test does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from apiflask import APIFlask
from sqlalchemy import event

from webapp.core.extensions import db


@contextmanager
def meanwhile(
    app: APIFlask,
    act: Callable[[], object],
    *,
    before: str = "",
    after: str = "",
    seconds: float = 1.0,
) -> Iterator[list[bool]]:
    """Let somebody act in a thread, before or after the first statement inside with these words.

    So long they may get ahead, and have to wait where that is not enough, which is answered. Both
    have acted when the block has ended.
    """
    waited: list[bool] = []

    def run() -> None:
        with app.app_context():
            act()

    thread = Thread(target=run)

    def begin(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if (before or after) in text and thread.ident is None:
            thread.start()
            thread.join(seconds)
            waited.append(thread.is_alive())

    name = f"{'before' if before else 'after'}_cursor_execute"
    event.listen(db.engine, name, begin)
    try:
        yield waited
    finally:
        event.remove(db.engine, name, begin)
    assert thread.ident is not None, "no such statement"
    thread.join(60)
    assert not thread.is_alive()
