"""count a common text and a filter of agents by an index of filters, coverage among them"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

TABLE, FIGURES, COLUMN = "agent_texts", "agent_coverage", "coverage_percent"
TRIGRAMS = f"ix_{TABLE}_trigrams"
FILTERS = ("paused", "status", "modality", "model_key", "parent", "tools")
#: what else a row has, and of which column of the agent
OWN = {"organization_id": "organization_id", "subject_id": "id", "text": "search_text"}
COLUMNS = {**OWN, **{name: name for name in FILTERS}}
#: what of an agent makes its row another
SOURCES = ("search_text", "organization_id", "is_active")
#: An organization's ids of SQLite begin at a multiple of this.
SPACE = 2**32
MEASURED = f"coalesce((SELECT {COLUMN} FROM {FIGURES} WHERE agent_id = {{}}), 0)"


def upgrade() -> None:
    added = sa.Column(COLUMN, sa.Double(), nullable=False, server_default="0")
    if _is_sqlite():
        op.add_column(TABLE, added)
        op.execute(f"UPDATE {TABLE} SET {COLUMN} = {MEASURED.format('subject_id')}")
        # SQLite takes it only where `id + 0` is asked for: the id itself leads it to the long rows.
        columns = "organization_id", *FILTERS, COLUMN
        op.create_index(f"ix_{TABLE}_filters", TABLE, [sa.text("id + 0"), *columns])
    else:
        # All rows are written again: into new pages, and the index of them all at once.
        op.drop_index(TRIGRAMS, TABLE)
        op.execute(f"TRUNCATE {TABLE}")
        op.add_column(TABLE, added)
        op.execute(
            f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}, {COLUMN}) "
            f"SELECT {', '.join(COLUMNS.values())}, {MEASURED.format('id')} "
            "FROM agents WHERE is_active"
        )
        op.create_index(
            TRIGRAMS,
            TABLE,
            [sa.text("trigrams(text)")],
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        )
        op.execute(f"ALTER INDEX {TRIGRAMS} ALTER COLUMN 1 SET STATISTICS 0")
        op.execute(f"ANALYZE {TABLE}")
    _keep({COLUMN: MEASURED.format("NEW.id")})
    _copy()


def downgrade() -> None:
    for event in ("insert", "update"):
        of = "" if _is_sqlite() else f" ON {FIGURES}"
        op.execute(f"DROP TRIGGER copy_{FIGURES}_{event}{of}")
    if not _is_sqlite():
        op.execute(f"DROP FUNCTION copy_{FIGURES}()")
    _keep({})
    if _is_sqlite():
        op.drop_index(f"ix_{TABLE}_filters", TABLE)
    op.drop_column(TABLE, COLUMN)


def _keep(more: dict[str, str]) -> None:
    """Have the triggers of migration 0039 write rows with these columns too."""
    into = ", ".join([*COLUMNS, *more])
    values = ", ".join([*(f"NEW.{name}" for name in COLUMNS.values()), *more.values()])
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
    is_changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in SOURCES)
    for event, body in (
        ("INSERT ON agents", add),
        (f"UPDATE OF {', '.join(SOURCES)} ON agents WHEN {is_changed}", f"{remove}; {add}"),
    ):
        name = f"keep_{TABLE}_{event.split()[0].lower()}"
        op.execute(f"DROP TRIGGER {name}")
        op.execute(f"CREATE TRIGGER {name} AFTER {event} BEGIN {body}; END")


def _copy() -> None:
    """Triggers that write what is measured of an agent into its row."""
    change = f"UPDATE {TABLE} SET {COLUMN} = NEW.{COLUMN} WHERE subject_id = NEW.agent_id"
    if not _is_sqlite():
        op.execute(
            f"CREATE FUNCTION copy_{FIGURES}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {change}; RETURN NULL; END $$"
        )
    for name, event, is_new in (
        ("insert", "INSERT", f"NEW.{COLUMN} <> 0"),
        ("update", f"UPDATE OF {COLUMN}", f"OLD.{COLUMN} <> NEW.{COLUMN}"),
    ):
        trigger = f"CREATE TRIGGER copy_{FIGURES}_{name} AFTER {event} ON {FIGURES}"
        if _is_sqlite():
            op.execute(f"{trigger} WHEN {is_new} BEGIN {change}; END")
        else:
            op.execute(
                f"{trigger} FOR EACH ROW WHEN ({is_new}) EXECUTE FUNCTION copy_{FIGURES}()"
            )


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
