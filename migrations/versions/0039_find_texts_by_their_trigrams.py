"""find agents and documents by parts of their texts without reading them all"""

import unicodedata

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

#: each table of texts, whose they are, and which of those are listed
SOURCES = (("agent_texts", "agents", "{}is_active"), ("document_texts", "documents", "true"))
BATCH = 1000
#: An organization's ids of SQLite begin at a multiple of this.
SPACE = 2**32

documents = sa.table(
    "documents", *(sa.column(name) for name in ("id", "title", "external_id", "search_text"))
)


def upgrade() -> None:
    op.add_column(
        "documents", sa.Column("search_text", sa.Text(), nullable=False, server_default="")
    )
    _fold_documents()
    if not _is_sqlite():
        # The cost keeps it from being worked out for one row after the other.
        op.execute(
            "CREATE FUNCTION trigrams(text) RETURNS text[] LANGUAGE sql "
            "IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$ "
            "SELECT array_agg(substr($1, place, 3)) "
            "FROM generate_series(1, length($1) - 2) AS place $$"
        )
    for table, source, is_listed in SOURCES:
        _create(table, source, is_listed.format(""))
        (_keep_on_sqlite if _is_sqlite() else _keep_on_postgresql)(table, source, is_listed)


def _create(table: str, source: str, is_listed: str) -> None:
    op.create_table(
        table,
        sa.Column("id", types.BigId, autoincrement=True, nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("subject_id", name=op.f(f"uq_{table}_subject_id")),
    )
    number = (
        f"dense_rank() OVER (ORDER BY organization_id) * {SPACE} "
        "+ row_number() OVER (PARTITION BY organization_id ORDER BY created_at, id)"
    )
    key, value = ("id, ", f"{number}, ") if _is_sqlite() else ("", "")
    op.execute(
        f"INSERT INTO {table} ({key}organization_id, subject_id, text) "
        f"SELECT {value}organization_id, id, search_text FROM {source} WHERE {is_listed}"
    )
    op.create_index(op.f(f"ix_{table}_organization_id"), table, ["organization_id"])


def _keep_on_sqlite(table: str, source: str, is_listed: str) -> None:
    """Rows by triggers of the source, the index by triggers of the rows.

    Whoever makes `source` anew, as `batch_alter_table` does, drops its triggers and makes them
    again.
    """
    index = f"{table}_trigrams"
    op.execute(
        f"CREATE VIRTUAL TABLE {index} USING fts5(text, content='{table}', content_rowid='id', "
        "columnsize=0, tokenize='trigram case_sensitive 1')"
    )
    op.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")
    for event, body in (
        ("INSERT", f"INSERT INTO {index} (rowid, text) VALUES (NEW.id, NEW.text)"),
        (
            "DELETE",
            f"INSERT INTO {index} ({index}, rowid, text) VALUES ('delete', OLD.id, OLD.text)",
        ),
    ):
        op.execute(
            f"CREATE TRIGGER {index}_{event.lower()} AFTER {event} ON {table} BEGIN {body}; END"
        )
    own = f"SELECT max(id) + 1 FROM {table} WHERE organization_id = NEW.organization_id"
    after_all = f"SELECT (coalesce(max(id), 0) / {SPACE} + 1) * {SPACE} FROM {table}"
    add = (
        f"INSERT INTO {table} (id, organization_id, subject_id, text) "
        f"SELECT coalesce(({own}), ({after_all})), NEW.organization_id, NEW.id, NEW.search_text "
        f"WHERE {is_listed.format('NEW.')}"
    )
    remove = f"DELETE FROM {table} WHERE subject_id = OLD.id"
    columns = ["search_text", "organization_id", *(["is_active"] if "active" in is_listed else [])]
    is_changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    for event, when, body in (
        ("INSERT", "", add),
        ("DELETE", "", remove),
        (f"UPDATE OF {', '.join(columns)}", f"WHEN {is_changed} ", f"{remove}; {add}"),
    ):
        name = f"keep_{table}_{event.split()[0].lower()}"
        op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {source} {when}BEGIN {body}; END")


def _keep_on_postgresql(table: str, source: str, is_listed: str) -> None:
    op.create_index(
        f"ix_{table}_trigrams",
        table,
        [sa.text("trigrams(text)")],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    # Or each ANALYZE works out the trigrams of 30,000 texts, for two seconds.
    op.execute(f"ALTER INDEX ix_{table}_trigrams ALTER COLUMN 1 SET STATISTICS 0")
    op.execute(f"ANALYZE {table}")
    op.execute(
        f"CREATE FUNCTION keep_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP <> 'INSERT' THEN DELETE FROM {table} WHERE subject_id = OLD.id; END IF; "
        f"IF TG_OP <> 'DELETE' THEN INSERT INTO {table} (organization_id, subject_id, text) "
        "SELECT NEW.organization_id, NEW.id, NEW.search_text "
        f"WHERE {is_listed.format('NEW.')}; END IF; RETURN NULL; END $$"
    )
    columns = ["search_text", "organization_id", *(["is_active"] if "active" in is_listed else [])]
    was, has = (", ".join(f"{row}.{name}" for name in columns) for row in ("OLD", "NEW"))
    for event in (
        f"all AFTER INSERT OR DELETE ON {source} FOR EACH ROW",
        f"update AFTER UPDATE OF {', '.join(columns)} ON {source} FOR EACH ROW "
        f"WHEN (({was}) IS DISTINCT FROM ({has}))",
    ):
        op.execute(f"CREATE TRIGGER keep_{table}_{event} EXECUTE FUNCTION keep_{table}()")


def downgrade() -> None:
    events = ("insert", "delete", "update") if _is_sqlite() else ("all", "update")
    for table, source, _ in SOURCES:
        for event in events:
            of = "" if _is_sqlite() else f" ON {source}"
            op.execute(f"DROP TRIGGER keep_{table}_{event}{of}")
        if _is_sqlite():
            op.execute(f"DROP TABLE {table}_trigrams")
        else:
            op.execute(f"DROP FUNCTION keep_{table}()")
        op.drop_table(table)
    if not _is_sqlite():
        op.execute("DROP FUNCTION trigrams(text)")
    op.drop_column("documents", "search_text")


def _fold_documents() -> None:
    """Give documents the text that a change of theirs will write from now on."""
    connection, last = op.get_bind(), None
    keep = (
        documents.update()
        .where(documents.c.id == sa.bindparam("of"))
        .values(search_text=sa.bindparam("folded"))
    )
    asked = sa.select(documents.c.id, documents.c.title, documents.c.external_id)
    while True:
        following = asked if last is None else asked.where(documents.c.id > last)
        rows = connection.execute(following.order_by(documents.c.id).limit(BATCH)).all()
        if not rows:
            return
        values = [
            {"of": row.id, "folded": _fold(f"{row.title}\n{row.external_id or ''}")} for row in rows
        ]
        connection.execute(keep, values)
        last = rows[-1].id


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
