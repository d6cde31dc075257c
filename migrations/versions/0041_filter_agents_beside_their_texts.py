"""filter agents where their texts are, so that neither is looked up"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

TABLE = "agent_texts"
INDEX = f"ix_{TABLE}_trigrams"
COLUMNS = ("paused", "status", "modality", "model_key", "parent", "tools")
#: what else a row has, and of which column of the agent
OWN = {"organization_id": "organization_id", "subject_id": "id", "text": "search_text"}
#: what of an agent makes its row another
SOURCES = ("search_text", "organization_id", "is_active")
#: An organization's ids of SQLite begin at a multiple of this.
SPACE = 2**32


def upgrade() -> None:
    if not _is_sqlite():
        # All rows are written again: into new pages, and the index of them all at once.
        op.drop_index(INDEX, TABLE)
        op.execute(f"TRUNCATE {TABLE}")
    no_tools = "[]" if _is_sqlite() else "{}"
    for column in (
        sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("status", sa.String(20), nullable=False, server_default=""),
        sa.Column("modality", sa.String(32), nullable=False, server_default=""),
        sa.Column("model_key", sa.String(255), nullable=False, server_default=""),
        sa.Column("parent", sa.String(64), nullable=True),
        sa.Column("tools", types.StringList(), nullable=False, server_default=no_tools),
    ):
        op.add_column(TABLE, column)
    names = ", ".join(COLUMNS)
    if _is_sqlite():
        op.execute(
            f"UPDATE {TABLE} SET ({names}) = (SELECT {names} FROM agents WHERE id = subject_id)"
        )
    else:
        op.execute(
            f"INSERT INTO {TABLE} ({', '.join(OWN)}, {names}) "
            f"SELECT {', '.join(OWN.values())}, {names} FROM agents WHERE is_active"
        )
        op.create_index(
            INDEX,
            TABLE,
            [sa.text("trigrams(text)")],
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        )
        op.execute(f"ALTER INDEX {INDEX} ALTER COLUMN 1 SET STATISTICS 0")
        op.execute(f"ANALYZE {TABLE}")
    _keep({**OWN, **{name: name for name in COLUMNS}})
    _copy()


def downgrade() -> None:
    if _is_sqlite():
        op.execute(f"DROP TRIGGER copy_{TABLE}_update")
    else:
        op.execute(f"DROP TRIGGER copy_{TABLE}_update ON agents")
        op.execute(f"DROP FUNCTION copy_{TABLE}()")
    _keep(OWN)
    for name in reversed(COLUMNS):
        op.drop_column(TABLE, name)


def _keep(columns: dict[str, str]) -> None:
    """Have the triggers of migration 0039 write rows with these columns."""
    into, values = ", ".join(columns), ", ".join(f"NEW.{name}" for name in columns.values())
    if not _is_sqlite():
        op.execute(
            f"CREATE OR REPLACE FUNCTION keep_{TABLE}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF TG_OP <> 'INSERT' THEN DELETE FROM {TABLE} WHERE subject_id = OLD.id; "
            f"END IF; IF TG_OP <> 'DELETE' THEN INSERT INTO {TABLE} ({into}) "
            f"SELECT {values} WHERE NEW.is_active; END IF; RETURN NULL; END $$"
        )
        return
    own = f"SELECT max(id) + 1 FROM {TABLE} WHERE organization_id = NEW.organization_id"
    after_all = f"SELECT (coalesce(max(id), 0) / {SPACE} + 1) * {SPACE} FROM {TABLE}"
    add = (
        f"INSERT INTO {TABLE} (id, {into}) "
        f"SELECT coalesce(({own}), ({after_all})), {values} WHERE NEW.is_active"
    )
    remove = f"DELETE FROM {TABLE} WHERE subject_id = OLD.id"
    for event, body in (
        ("INSERT ON agents", add),
        (f"UPDATE OF {', '.join(SOURCES)} ON agents {_changed(SOURCES)}", f"{remove}; {add}"),
    ):
        name = f"keep_{TABLE}_{event.split()[0].lower()}"
        op.execute(f"DROP TRIGGER {name}")
        op.execute(f"CREATE TRIGGER {name} AFTER {event} BEGIN {body}; END")


def _copy() -> None:
    """A trigger that changes a row where nothing else of the agent does: no index is written."""
    values = ", ".join(f"{name} = NEW.{name}" for name in COLUMNS)
    change = f"UPDATE {TABLE} SET {values} WHERE subject_id = NEW.id"
    event = f"copy_{TABLE}_update AFTER UPDATE OF {', '.join(COLUMNS)} ON agents"
    if _is_sqlite():
        op.execute(f"CREATE TRIGGER {event} {_changed(COLUMNS)} BEGIN {change}; END")
        return
    op.execute(
        f"CREATE FUNCTION copy_{TABLE}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {change}; RETURN NULL; END $$"
    )
    was, has = (", ".join(f"{row}.{name}" for name in COLUMNS) for row in ("OLD", "NEW"))
    op.execute(
        f"CREATE TRIGGER {event} FOR EACH ROW WHEN (({was}) IS DISTINCT FROM ({has})) "
        f"EXECUTE FUNCTION copy_{TABLE}()"
    )


def _changed(columns: tuple[str, ...]) -> str:
    return "WHEN " + " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
