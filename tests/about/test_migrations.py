"""Every migration goes up and down again, and the models need no further one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    DateTime,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    inspect,
    text,
)
from sqlalchemy.types import TypeEngine

from tests.database import new_settings
from webapp import create_app
from webapp.config import Settings
from webapp.core.database.migrations import is_ours
from webapp.core.database.types import UtcDateTime
from webapp.core.extensions import db

EARLIER, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def empty(database_url: str, tmp_path: Path) -> Settings:
    return new_settings(database_url, tmp_path)


def test_migrations_go_up_down_and_up_and_match_the_models(empty: Settings) -> None:
    app = create_app(empty)
    with app.app_context():
        flask_migrate.upgrade()
        tables = set(inspect(db.engine).get_table_names())
        assert set(db.metadata.tables) <= tables
        flask_migrate.downgrade(revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            options = {"compare_type": True, "include_object": is_ours}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, db.metadata) == []
        db.engine.dispose()


def test_a_migration_that_breaks_a_reference_is_not_kept(empty: Settings) -> None:
    """Of SQLite, where migrations run without foreign keys; others refuse the row itself."""
    with create_app(empty).app_context():
        flask_migrate.upgrade()
        if db.engine.dialect.name == "sqlite":
            with db.engine.connect() as connection:
                connection.detach()
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.exec_driver_sql("INSERT INTO scope_roots VALUES ('no', 'no')")
                connection.commit()
            before = _run("SELECT version_num FROM alembic_version", {})
            with pytest.raises(SystemExit) as refused:  # Flask-Migrate logs why
                flask_migrate.downgrade()
            reason = str(refused.value.__context__)
            assert reason == "A row of scope_roots would refer to none of taxonomy_nodes."
            assert _run("SELECT version_num FROM alembic_version", {}) == before
            (is_on,) = _run("PRAGMA foreign_keys", {})
            assert is_on[0] == 1
        db.session.remove()
        db.engine.dispose()


def test_people_become_members_and_back(empty: Settings) -> None:
    """0014: every user of one organization becomes a member of it, keys and sessions follow."""
    ids = {name: uuid4() for name in ("acme", "other", "alice", "bob", "key", "session")}
    with create_app(empty).app_context():
        flask_migrate.upgrade(revision="0013")
        run = lambda statement, **values: _run(statement, ids | values)
        for name in ("acme", "other"):
            run("INSERT INTO organizations VALUES (:id, :name, :at)", id=ids[name], name=name)
        for name, role, is_active in (("alice", "admin", True), ("bob", "member", False)):
            run(
                "INSERT INTO users (id, organization_id, email, password_hash, role, is_active, "
                "created_at) VALUES (:id, :acme, :name, 'hash', :role, :is_active, :at)",
                id=ids[name], name=name, role=role, is_active=is_active,
            )  # fmt: skip
        run(
            "INSERT INTO api_keys (id, organization_id, user_id, name, prefix, key_hash, role, "
            "created_at) VALUES (:key, :acme, :alice, 'k', 'cb_', 'hash', 'viewer', :at)"
        )
        run(
            "INSERT INTO sessions (id, user_id, created_at, last_seen_at, address, user_agent) "
            "VALUES (:session, :alice, :at, :at, '', '')"
        )
        flask_migrate.upgrade(revision="0014")
        found = run(
            "SELECT email, role, is_active, joined_at IS NOT NULL FROM memberships "
            "JOIN users ON users.id = user_id WHERE organization_id = :acme ORDER BY email"
        )
        assert [tuple(row) for row in found] == [
            ("alice", "admin", True, True),
            ("bob", "member", False, True),
        ]
        for table in ("api_keys", "sessions"):
            owner = f"SELECT user_id FROM {table} JOIN memberships m ON m.id = membership_id"
            assert run(f"{owner} WHERE user_id = :alice")
        # Alice joins a second organization, and somebody is only invited there.
        joined = (
            "INSERT INTO memberships (id, organization_id, user_id, role, is_active, created_at, "
            "joined_at) VALUES (:id, :other, :user, 'viewer', true, :later, :joined)"
        )
        run(joined, id=uuid4(), user=ids["alice"], joined=LATER, later=LATER)
        dora = uuid4()
        run("INSERT INTO users VALUES (:id, 'dora', 'hash', :at)", id=dora)
        run(joined, id=uuid4(), user=dora, joined=None, later=LATER)
        flask_migrate.downgrade(revision="0013")
        found = run(
            "SELECT email, role, is_active FROM users WHERE organization_id = :acme ORDER BY email"
        )
        assert [tuple(row) for row in found] == [("alice", "admin", True), ("bob", "member", False)]
        assert len(run("SELECT 1 FROM users")) == 2
        for table in ("api_keys", "sessions"):
            assert run(f"SELECT 1 FROM {table} WHERE user_id = :alice")
        db.session.remove()
        db.engine.dispose()


def test_figures_go_beside_the_agents_and_back(empty: Settings) -> None:
    """0018: what is measured and counted moves with its agent, up and down."""
    ids = {name: uuid4() for name in ("acme", "a", "b")}
    figures = (
        "coverage_percent, total_documents, total_chunks, last_coverage_update, total_queries, "
        "successful_queries, avg_response_time_ms, last_query_at"
    )
    asked = f"SELECT handle, revision, {figures} FROM agents"
    with create_app(empty).app_context():
        flask_migrate.upgrade(revision="0017")
        run = lambda statement, **values: _run(statement, ids | values)
        run("INSERT INTO organizations VALUES (:acme, 'acme', :at)")
        for handle in ("a", "b"):
            _insert_agent(ids["acme"], ids[handle], handle)
        run(
            "UPDATE agents SET coverage_percent = 12.5, total_documents = 3, total_chunks = 7, "
            "last_coverage_update = :at, total_queries = 5, successful_queries = 4, "
            "avg_response_time_ms = 1.25, last_query_at = :at, revision = 9 WHERE id = :a"
        )
        before = {tuple(row) for row in run(asked)}
        assert len(before) == 2
        flask_migrate.upgrade(revision="0018")
        counted = run("SELECT agent_id, organization_id FROM agent_coverage ORDER BY total_chunks")
        assert len(counted) == 2
        beside = (
            f"SELECT handle, agents.revision + c.revision + u.revision, {figures} FROM agents "
            "JOIN agent_coverage c ON c.agent_id = agents.id "
            "JOIN agent_usage u ON u.agent_id = agents.id AND u.organization_id = :acme"
        )
        assert {tuple(row) for row in run(beside)} == before
        run("UPDATE agent_usage SET total_queries = 6, revision = 1 WHERE agent_id = :a")
        run("UPDATE agent_coverage SET revision = 2 WHERE agent_id = :a")
        after = {tuple(row) for row in run(beside)}
        flask_migrate.downgrade(revision="0017")
        assert {tuple(row) for row in run(asked)} == after
        assert {row[1] for row in after} == {12, 1}
        constants = run("SELECT DISTINCT level, current_xp, avg_faithfulness FROM agents")
        assert [tuple(row) for row in constants] == [(1, 0, 0.0)]
        run("DELETE FROM agents")
        flask_migrate.upgrade(revision="0018")
        assert run("SELECT 1 FROM agent_usage") == []
        db.session.remove()
        db.engine.dispose()


def test_what_is_there_is_counted_and_what_comes_later_too(empty: Settings) -> None:
    """0035: agents and documents are counted as they are, and as they change, up and down."""
    ids = {name: uuid4() for name in ("acme", "a", "b", "c", "d")}
    asked = "SELECT kind, value, sum(count) FROM tallies GROUP BY kind, value ORDER BY 1, 2"
    facets = "SELECT name, value FROM agent_facets WHERE agent_id = :a ORDER BY 1, 2"
    with create_app(empty).app_context():
        flask_migrate.upgrade(revision="0034")
        run = lambda statement, **values: _run(statement, ids | values)
        run("INSERT INTO organizations (id, name, created_at) VALUES (:acme, 'acme', :at)")
        for handle in ("a", "b"):
            _insert_agent(ids["acme"], ids[handle], handle)
        run("UPDATE agents SET status = 'draft', model_key = 'm', modality = 'voice'")
        run("UPDATE agents SET is_active = false WHERE id = :b")
        insert = (
            "INSERT INTO documents (id, organization_id, title, content, content_type, metadata, "
            "file_size, checksum, chunk_count, created_at, updated_at, status, title_key) VALUES "
            "(:id, :acme, 't', 'c', 'text/plain', '{}', 1, '', 0, :at, :at, :status, '')"
        )
        run(insert, id=ids["c"], status="ready")
        flask_migrate.upgrade(revision="0035")
        counted = [
            ("agent.modality", "voice", 1),
            ("agent.model", "m", 1),
            ("agent.status", "draft", 1),
            ("document.status", "ready", 1),
        ]
        assert [tuple(row) for row in run(asked)] == counted
        run(insert, id=ids["d"], status="failed")
        run("UPDATE agents SET is_active = true")
        run("UPDATE agents SET status = 'published' WHERE id = :a")
        run("DELETE FROM agents WHERE id = :b")
        changed = [(*counted[2][:1], "published", 1), ("document.status", "failed", 1), counted[3]]
        assert [tuple(row) for row in run(asked) if row[2]] == [*counted[:2], *changed]
        flask_migrate.downgrade(revision="0034")
        run("UPDATE agents SET status = 'draft' WHERE id = :a")
        found = [("modality", "voice"), ("model", "m"), ("status", "draft")]
        assert [tuple(row) for row in run(facets)] == found
        run("DELETE FROM documents")
        flask_migrate.upgrade(revision="0035")
        assert [tuple(row) for row in run(asked)] == counted[:3]
        db.session.remove()
        db.engine.dispose()


def test_taxonomies_that_are_trees_are_known_afterwards(empty: Settings) -> None:
    """0038: where a topic has two parents, it is none."""
    ids = {name: uuid4() for name in ("acme", "tree", "graph", "a", "b", "c", "d", "e", "f")}
    with create_app(empty).app_context():
        flask_migrate.upgrade(revision="0037")
        run = lambda statement, **values: _run(statement, ids | values)
        none = "{}" if db.engine.dialect.name == "postgresql" else "[]"
        run("INSERT INTO organizations (id, name, created_at) VALUES (:acme, 'acme', :at)")
        for name in ("tree", "graph"):
            run(
                "INSERT INTO taxonomies (id, organization_id, version, node_count, created_at, "
                f"updated_at) VALUES (:{name}, :acme, '{name}', 3, :at, :at)"
            )
        for name in "abcdef":
            taxonomy = "tree" if name in "abc" else "graph"
            run(
                "INSERT INTO taxonomy_nodes (id, organization_id, public_id, taxonomy_id, label, "
                "canonical_path, path_key, search_text) "
                f"VALUES (:{name}, :acme, :{name}, :{taxonomy}, '{name}', '{none}', '', '')"
            )
        for parent, child in ("ab", "ac", "df", "ef"):
            run(f"INSERT INTO taxonomy_edges VALUES (:{parent}, :{child})")
        flask_migrate.upgrade(revision="0038")
        found = run("SELECT version, is_tree FROM taxonomies")
        assert {version: bool(is_tree) for version, is_tree in found} == {
            "tree": True,
            "graph": False,
        }
        db.session.remove()
        db.engine.dispose()


def test_texts_are_folded_and_kept_and_go_again(empty: Settings) -> None:
    """0039: what there is can be searched, of active agents alone, and what comes is kept."""
    ids = {name: uuid4() for name in ("acme", "other", "a", "b", "c", "one", "two")}
    with create_app(empty).app_context():
        flask_migrate.upgrade(revision="0038")
        run = lambda statement, **values: _run(statement, ids | values)
        for name in ("acme", "other"):
            run(
                "INSERT INTO organizations (id, name, created_at) VALUES (:id, :name, :at)",
                id=ids[name], name=name,
            )  # fmt: skip
        for owner, handle in (("acme", "a"), ("acme", "b"), ("other", "c")):
            _insert_agent(ids[owner], ids[handle], handle)
            run("UPDATE agents SET search_text = handle WHERE handle = :handle", handle=handle)
        run("UPDATE agents SET is_active = false WHERE id = :b")
        for owner, key, title in (("other", "one", "GRÖßE"), ("acme", "two", "Tea")):
            run(
                "INSERT INTO documents (id, organization_id, title, content, content_type, "
                "external_id, metadata, file_size, checksum, chunk_count, created_at, updated_at, "
                "status) VALUES (:id, :owner, :title, '', '', :title, '{}', 0, '', 0, :at, :at, "
                "'ready')",
                id=ids[key], owner=ids[owner], title=title,
            )  # fmt: skip
        flask_migrate.upgrade(revision="0039")
        texts = lambda table: {tuple(row) for row in run(f"SELECT text FROM {table}_texts")}
        assert texts("agent") == {("a",), ("c",)}
        assert texts("document") == {("grösse\ngrösse",), ("tea\ntea",)}
        run("UPDATE agents SET search_text = 'changed', is_active = true WHERE id = :b")
        run("UPDATE documents SET search_text = 'changed' WHERE id = :two")
        run("DELETE FROM documents WHERE id = :one")
        assert texts("agent") == {("a",), ("c",), ("changed",)}
        assert texts("document") == {("changed",)}
        flask_migrate.downgrade(revision="0038")
        run("DELETE FROM agents WHERE id = :a")
        flask_migrate.upgrade(revision="0039")
        assert texts("agent") == {("changed",), ("c",)}
        assert texts("document") == {("tea\ntea",)}
        db.session.remove()
        db.engine.dispose()


def test_entries_of_one_act_name_its_first(empty: Settings) -> None:
    """0042: of one request, close together, and of many things."""
    acme = uuid4()
    with create_app(empty).app_context():
        flask_migrate.upgrade(revision="0041")
        run = lambda statement, **values: _run(statement, {"acme": acme} | values)
        run("INSERT INTO organizations (id, name, created_at) VALUES (:acme, 'acme', :at)")
        for request, action, detail, made in (
            ("one", "pause", '{"bulk": true}', EARLIER),  # 1
            ("one", "pause", '{"fields": [], "bulk": true}', EARLIER),  # 2
            ("two", "pause", '{"bulk": true}', EARLIER),  # 3
            ("one", "pause", '{"bulk": true}', EARLIER),  # 4
            ("one", "delete", '{"bulk": true}', EARLIER),  # 5
            ("one", "pause", '{"bulk": false}', EARLIER),  # 6
            ("none", "pause", '{"bulk": true}', EARLIER),  # 7
            ("one", "pause", '{"bulk": true}', LATER),  # 8
            ("one", "pause", '{"bulk": true}', LATER),  # 9
        ):
            run(
                "INSERT INTO audit_entries (organization_id, actor_kind, actor_name, action, "
                "subject_type, subject_id, subject_name, detail, request_id, created_at) VALUES "
                f"(:acme, 'user', 'alice', :action, 'agent', '', '', '{detail}', :request, :made)",
                request=request, action=action, made=made,
            )  # fmt: skip
        run("UPDATE audit_entries SET request_id = NULL WHERE request_id = 'none'")
        flask_migrate.upgrade(revision="0042")
        found = run("SELECT id, first_id FROM audit_entries WHERE first_id IS NOT NULL ORDER BY id")
        assert [tuple(row) for row in found] == [(2, 1), (4, 1), (9, 8)]
        db.session.remove()
        db.engine.dispose()


def _insert_agent(organization_id: UUID, agent_id: UUID, handle: str) -> None:
    """An agent as the database of that time takes it, whatever columns it has."""
    table = Table("agents", MetaData(), autoload_with=db.engine)
    known: dict[str, Any] = {
        "id": agent_id.hex if db.engine.dialect.name == "sqlite" else agent_id,
        "organization_id": organization_id.hex
        if db.engine.dialect.name == "sqlite"
        else organization_id,
        "handle": handle,
        "revision": 1,
    }
    for column in table.columns:
        if column.name not in known and not column.nullable and column.server_default is None:
            known[column.name] = _something(column.type)
    db.session.execute(table.insert(), known)
    db.session.commit()


def _something(kind: TypeEngine[Any]) -> Any:
    """A value of a type, for a column that the test is not about."""
    if isinstance(kind, DateTime):
        return EARLIER.replace(tzinfo=None) if db.engine.dialect.name == "sqlite" else EARLIER
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, JSON):
        return {}
    if isinstance(kind, ARRAY):
        return []
    return "" if isinstance(kind, String) else 0


def _run(statement: str, values: dict[str, Any]) -> list[Any]:
    """Run SQL of the time of a migration, with UUIDs and times as our columns take them."""
    values = values | {"at": EARLIER}
    types = {UUID: Uuid(), datetime: UtcDateTime(), type(None): UtcDateTime()}
    clause = text(statement).bindparams(
        *(
            bindparam(name, values[name], type_=types.get(type(values[name])))
            for name in set(re.findall(r":(\w+)", statement))
        )
    )
    result = db.session.execute(clause)
    rows = list(result) if result.returns_rows else []
    db.session.commit()
    return rows
