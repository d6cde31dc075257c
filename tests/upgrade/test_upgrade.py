"""A data folder that was made at 8b30545 (revision 0009) is upgraded, and all of it is still there.

`8b30545.json.gz` has its rows, as SQLite kept them: two organizations, the sample data, questions,
tasks, a webhook's message. On PostgreSQL the same rows are put in as that database keeps them.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import flask_migrate
import pytest
import sqlalchemy as sa
from apiflask import APIFlask
from sqlalchemy import MetaData, Table, select

from tests.database import new_settings
from webapp import create_app
from webapp.core.database import migrations
from webapp.core.extensions import db

Rows = list[dict[str, Any]]

OLD: dict[str, Rows] = json.loads(
    gzip.decompress(Path(__file__).with_name("8b30545.json.gz").read_bytes())
)
KEY = "cb_key-of-the-old-installation"
#: what a later revision calls a column, and columns that went elsewhere or are made of others:
#: people became members
RENAMED = {"position": "checkpoint", "starts": "attempts", "run": "run_number"}
MOVED = {
    "agents": {
        *("total_documents", "total_chunks", "coverage_percent", "last_coverage_update"),
        *("total_queries", "successful_queries", "avg_response_time_ms", "last_query_at"),
        *("level", "current_xp", "avg_faithfulness"),
    },
    "users": {"organization_id", "role", "is_active", "last_seen_at"},
    "api_keys": {"user_id", "organization_id"},
    # What paths are sorted by is made anew of them: tests/about/test_order_of_names.py.
    "taxonomy_nodes": {"path_key"},
}


@pytest.fixture
def upgraded(database_url: str, tmp_path: Path) -> Iterator[APIFlask]:
    secret = "the secret of the old installation"
    settings = new_settings(database_url, tmp_path, secret_key=secret)
    app = create_app(settings)
    with app.app_context():
        flask_migrate.upgrade(revision="0009")
        put_in_old_rows()
        migrations.upgrade(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


def put_in_old_rows() -> None:
    metadata = MetaData()
    metadata.reflect(db.engine, only=list(OLD))
    with db.engine.begin() as connection:
        for table in metadata.sorted_tables:
            rows = [
                {name: as_kept(table, name, value) for name, value in row.items()}
                for row in OLD[table.name]
            ]
            connection.execute(table.insert(), rows)
            if db.engine.dialect.name == "postgresql" and isinstance(rows[0].get("id"), int):
                sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
                highest = max(row["id"] for row in rows)
                connection.execute(sa.text(f"SELECT setval({sequence}, {highest})"))


def as_kept(table: Table, name: str, value: Any) -> Any:
    """An old value as the database under test keeps it."""
    kind = table.c[name].type
    if value is None:
        return None
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    if db.engine.dialect.name == "sqlite":
        if isinstance(kind, sa.DateTime):
            return datetime.fromisoformat(value)
        return json.loads(value) if isinstance(kind, sa.JSON) else value
    if isinstance(kind, sa.ARRAY):
        items = json.loads(value)
        return [UUID(item) for item in items] if isinstance(kind.item_type, sa.Uuid) else items
    if isinstance(kind, sa.Uuid):
        return UUID(value)
    if isinstance(kind, sa.Boolean):
        return bool(value)
    if isinstance(kind, sa.DateTime):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return json.loads(value) if isinstance(kind, sa.JSON) else value


def alike(value: Any) -> Any:
    """A value without what only tells how a database keeps it."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, list):
        return [alike(item) for item in value]
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, memoryview):
        return bytes(value)
    return value


def test_every_row_and_column_is_still_there(upgraded: APIFlask) -> None:
    with upgraded.app_context():
        assert count_kept_values() > 7_000


def count_kept_values() -> int:
    metadata = MetaData()
    metadata.reflect(db.engine, only=list(OLD))
    checked = 0
    for name, old_rows in OLD.items():
        table = metadata.tables[name]
        columns = {
            column: table.c[RENAMED.get(column, column) if name == "tasks" else column]
            for column in old_rows[0]
            if column not in MOVED.get(name, ())
        }
        found = db.session.execute(select(*columns.values())).all()
        now = [tuple(alike(value) for value in row) for row in found]
        for row in old_rows:
            kept = tuple(
                alike(as_kept(table, columns[column].name, row[column])) for column in columns
            )
            assert kept in now, f"{name} has lost {str(row)[:300]}"
            checked += len(kept)
    return checked


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (
            "agent_coverage",
            ("total_documents", "total_chunks", "coverage_percent", "last_coverage_update"),
        ),
        (
            "agent_usage",
            ("total_queries", "successful_queries", "avg_response_time_ms", "last_query_at"),
        ),
    ],
)
def test_an_agents_figures_stand_beside_it_as_they_were(
    upgraded: APIFlask, name: str, columns: tuple[str, ...]
) -> None:
    with upgraded.app_context():
        table = Table(name, MetaData(), autoload_with=db.engine)
        names = ("agent_id", "organization_id", *columns)
        kept = {
            tuple(alike(value) for value in row)
            for row in db.session.execute(select(*(table.c[each] for each in names)))
        }
        old = {
            tuple(
                alike(as_kept(table, column, row["id" if column == "agent_id" else column]))
                for column in names
            )
            for row in OLD["agents"]
        }
    assert kept == old
    assert any(row[2] for row in old)


def test_people_keys_agents_and_documents_work_as_before(upgraded: APIFlask) -> None:
    client = upgraded.test_client()
    headers = {"X-API-Key": KEY}
    get = lambda path: client.get(f"/api/v1{path}", headers=headers)
    assert {agent["handle"] for agent in get("/agents").json} == {
        "coding-expert", "callboard-guide", "triage-agent",
    }  # fmt: skip
    guide = get("/agents/callboard-guide").json
    assert (guide["current_version"], guide["total_queries"]) == (2, 2)
    assert (guide["coverage_percent"], guide["successful_queries"]) == (87.5, 1)
    assert (guide["level"], guide["current_xp"], guide["avg_faithfulness"]) == (1, 0, 0.0)
    body = {"query": "How do I rotate an API key?"}
    answer = client.post("/api/v1/agents/callboard-guide/query", json=body, headers=headers).json
    assert "key" in answer["results"][0]["content"].lower()
    assert len(get("/agents/callboard-guide/coverage/history").json["history"]) == 2
    assert {task["status"] for task in get("/tasks").json} == {"completed"}
    members = {member["email"]: member["role"] for member in get("/members").json}
    assert members == {"admin@example.com": "admin", "bob@example.com": "member"}
    for email, password, status in (
        ("admin@example.com", "a long password", 303),
        ("bob@example.com", "another long password", 303),
        ("charlie@example.com", "a third long password", 303),
        ("bob@example.com", "not the password", 401),
    ):
        client = upgraded.test_client()
        page = client.get("/sign-in").text
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        form = {"email": email, "password": password, "csrf_token": token}
        assert client.post("/sign-in", data=form).status_code == status, email
