"""find agents by status, modality, model and tools without reading them all"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

TABLE = "agent_facets"
TRIGGER = "keep_agent_facets"
COLUMNS = ("status", "modality", "model_key", "tools", "is_active", "organization_id")
#: what makes a list of tools into rows with a `value`
TOOLS = {"sqlite": "json_each({}.tools)", "postgresql": "unnest({}.tools) AS tool(value)"}


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "name", "value", "agent_id", name=op.f("pk_agent_facets")
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO {TABLE} SELECT organization_id, facet.name, facet.value, id FROM ("
        "SELECT organization_id, id, 'status' AS name, status AS value FROM agents WHERE is_active "
        "UNION SELECT organization_id, id, 'modality', modality FROM agents WHERE is_active "
        "UNION SELECT organization_id, id, 'model', model_key FROM agents WHERE is_active "
        "UNION SELECT agents.organization_id, agents.id, 'tool', value "
        f"FROM agents, {TOOLS[_dialect()].format('agents')} WHERE is_active) AS facet "
        "ORDER BY 1, 2, 3, 4"
    )
    remove, add = _delete("OLD"), _insert("NEW")
    was, has = (", ".join(f"{row}.{name}" for name in COLUMNS) for row in ("OLD", "NEW"))
    changed = f"UPDATE OF {', '.join(COLUMNS)} ON agents"
    if _dialect() == "sqlite":
        is_changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in COLUMNS)
        for event, body in (
            ("insert AFTER INSERT ON agents", add),
            ("delete AFTER DELETE ON agents", remove),
            (f"update AFTER {changed} WHEN {is_changed}", f"{remove}; {add}"),
        ):
            op.execute(f"CREATE TRIGGER {TRIGGER}_{event} BEGIN {body}; END")
        return
    op.execute(
        f"CREATE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP <> 'INSERT' THEN {remove}; END IF; "
        f"IF TG_OP <> 'DELETE' THEN {add}; END IF; RETURN NULL; END $$"
    )
    for event in (
        "all AFTER INSERT OR DELETE ON agents FOR EACH ROW",
        f"update AFTER {changed} FOR EACH ROW WHEN (({was}) IS DISTINCT FROM ({has}))",
    ):
        op.execute(f"CREATE TRIGGER {TRIGGER}_{event} EXECUTE FUNCTION {TRIGGER}()")


def downgrade() -> None:
    events = ("insert", "delete", "update") if _dialect() == "sqlite" else ("all", "update")
    table = "" if _dialect() == "sqlite" else " ON agents"
    for event in events:
        op.execute(f"DROP TRIGGER {TRIGGER}_{event}{table}")
    if _dialect() == "postgresql":
        op.execute(f"DROP FUNCTION {TRIGGER}()")
    op.drop_table(TABLE)


def _statements(pattern: str, row: str) -> str:
    """One for each kind of facet, so that each finds its rows by the primary key."""
    facets = {"status": f"{row}.status", "modality": f"{row}.modality", "model": f"{row}.model_key"}
    tools = f"SELECT value FROM {TOOLS[_dialect()].format(row)}"
    sources = {name: f"SELECT {value} AS value" for name, value in facets.items()}
    sources["tool"] = tools
    return "; ".join(
        pattern.format(row=row, name=name, value=value) for name, value in sources.items()
    )


def _insert(row: str) -> str:
    """An agent that is not active has no facets; a tool that it has twice is one."""
    return _statements(
        f"INSERT INTO {TABLE} (organization_id, name, value, agent_id) "
        "SELECT DISTINCT {row}.organization_id, '{name}', facet.value, {row}.id "
        "FROM ({value}) AS facet WHERE {row}.is_active",
        row,
    )


def _delete(row: str) -> str:
    return _statements(
        f"DELETE FROM {TABLE} WHERE organization_id = {{row}}.organization_id "
        "AND name = '{name}' AND value IN ({value}) AND agent_id = {row}.id",
        row,
    )


def _dialect() -> str:
    return op.get_bind().dialect.name
