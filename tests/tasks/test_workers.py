"""The list of tasks says what is wrong with the workers that run them."""

from __future__ import annotations

from datetime import timedelta

from tests.cast import Cast
from webapp.core import clock
from webapp.core.extensions import db
from webapp.engine.workers import Worker


def notices(cast: Cast) -> list[str]:
    page = cast.browser("vera").get("/tasks")
    return [" ".join(notice.text().split()) for notice in page.css("#workers .notice")]


def test_the_list_names_workers_that_do_not_answer(cast: Cast) -> None:
    assert notices(cast) == ["No worker is running. Tasks wait until one is started."]

    db.session.add(Worker(id="here-1-a"))
    db.session.commit()
    assert notices(cast) == []

    db.session.add(Worker(id="there-2-b", beat_at=clock.now() - timedelta(minutes=2)))
    db.session.commit()
    (notice,) = notices(cast)
    assert notice.startswith("Worker there-2-b does not answer; it was last heard of")
