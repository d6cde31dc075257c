"""Files that are sent and read, and what became of them."""

from __future__ import annotations

import io
from typing import Any

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.cast import Api
from webapp.core.extensions import db
from webapp.documents.models import Document
from webapp.tasks import running
from webapp.tasks.models import Task


def send(api: Api, name: str, content: bytes, **fields: str) -> TestResponse:
    data = {"file": (io.BytesIO(content), name), **fields}
    return api.post("/documents", data=data, content_type="multipart/form-data")


def read(response: TestResponse) -> Task:
    """The task of an accepted upload, after a worker has run it."""
    assert response.status_code == 202, response.text
    running.run_task(response.json["task_id"])
    task = db.session.get(Task, response.json["task_id"], populate_existing=True)
    assert task is not None
    return task


def only_document() -> Document:
    return db.session.scalars(select(Document).execution_options(populate_existing=True)).one()


def find(api: Api, query: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = api.post("/knowledge/search", {"query": query}).json["results"]
    return results


def count(model: type[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0
