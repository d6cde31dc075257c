"""count agents and documents as they are written, so that lists need not count them all"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

#: of each table whose rows are counted: SQL for the kind and for the value that a row counts as
COUNTED = {
    "agent_facets": ("'agent.' || {}.name", "{}.value"),
    "documents": ("'document.status'", "{}.status"),
}
#: the share of PostgreSQL's writes that take together what others have added
MERGING = 0.03
#: which columns of an agent are facets of these names; its tools are others
FACETS = {"status": "status", "modality": "modality", "model": "model_key"}
COLUMNS = (*FACETS.values(), "tools", "is_active", "organization_id")
#: what makes a list of tools into rows with a `value`
TOOLS = {"sqlite": "json_each({}.tools)", "postgresql": "unnest({}.tools) AS tool(value)"}
FACET = "organization_id, name, value, agent_id"
KEEP = "keep_agent_facets"


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("part", types.BigId, nullable=False, autoincrement=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "kind", "value", "part", name=op.f("pk_tallies")
        ),
        sqlite_with_rowid=False,
    )
    if _is_sqlite():
        _count_on_sqlite()
    else:
        _count_on_postgresql()
    _keep_facets(_add_facets("NEW"), _remove_facets("OLD"), _change_facets())
    # Nobody else writes to these tables from here on, until all is committed.
    for table, expressions in COUNTED.items():
        kind, value = (expression.format(table) for expression in expressions)
        op.execute(
            "INSERT INTO tallies (organization_id, kind, value, part, count) "
            f"SELECT organization_id, {kind}, {value}, 0, count(*) FROM {table} GROUP BY 1, 2, 3"
        )


def downgrade() -> None:
    for table in COUNTED:
        for event in ("insert", "delete", *(["update"] if table == "documents" else [])):
            place = "" if _is_sqlite() else f" ON {table}"
            op.execute(f"DROP TRIGGER tally_{table}_{event}{place}")
        if not _is_sqlite():
            op.execute(f"DROP FUNCTION tally_{table}()")
    if not _is_sqlite():
        op.execute("DROP FUNCTION tally(uuid, text, text, bigint)")
    op.drop_table("tallies")
    if not _is_sqlite():
        op.execute("DROP SEQUENCE tallies_part")
    _keep_facets(
        _add_each("NEW"), _remove_each("OLD"), f"{_remove_each('OLD')}; {_add_each('NEW')}"
    )


def _count_on_sqlite() -> None:
    """With one writer, each value has one row."""
    for table in COUNTED:
        for event, does in (("insert", _add("NEW", table)), ("delete", _take("OLD", table))):
            op.execute(
                f"CREATE TRIGGER tally_{table}_{event} AFTER {event} ON {table} BEGIN {does}; END"
            )
    op.execute(
        "CREATE TRIGGER tally_documents_update AFTER UPDATE OF status ON documents "
        "WHEN OLD.status <> NEW.status "
        f"BEGIN {_take('OLD', 'documents')}; {_add('NEW', 'documents')}; END"
    )


def _add(row: str, table: str) -> str:
    kind, value = (expression.format(row) for expression in COUNTED[table])
    return (
        "INSERT INTO tallies (organization_id, kind, value, part, count) "
        f"VALUES ({row}.organization_id, {kind}, {value}, 0, 1) "
        "ON CONFLICT (organization_id, kind, value, part) DO UPDATE SET count = count + 1"
    )


def _take(row: str, table: str) -> str:
    kind, value = (expression.format(row) for expression in COUNTED[table])
    own = (
        f"organization_id = {row}.organization_id AND kind = {kind} AND value = {value} "
        "AND part = 0"
    )
    return (
        f"UPDATE tallies SET count = count - 1 WHERE {own}; "
        f"DELETE FROM tallies WHERE {own} AND count = 0"
    )


def _count_on_postgresql() -> None:
    """Each statement adds rows of its own, so that no transaction waits for another.

    Some also take together what is committed and nobody else is taking together.
    """
    op.execute("CREATE SEQUENCE tallies_part")
    op.execute(
        "CREATE FUNCTION tally(owner uuid, what text, which text, more bigint) RETURNS void "
        "LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO tallies (organization_id, kind, value, part, count) "
        "VALUES (owner, what, which, nextval('tallies_part'), more); "
        f"IF random() < {MERGING} THEN "
        "WITH taken AS (DELETE FROM tallies WHERE organization_id = owner AND kind = what "
        "AND value = which AND part IN (SELECT part FROM tallies WHERE organization_id = owner "
        "AND kind = what AND value = which FOR UPDATE SKIP LOCKED) RETURNING count) "
        "INSERT INTO tallies (organization_id, kind, value, part, count) "
        "SELECT owner, what, which, nextval('tallies_part'), sum(count) FROM taken "
        "HAVING sum(count) <> 0; "
        "END IF; END $$"
    )
    for table, expressions in COUNTED.items():
        kind, value = (expression.format("changed") for expression in expressions)
        grouped = f"SELECT organization_id, {kind} AS kind, {value} AS value, count(*) AS count"
        each = f"FROM ({grouped} FROM changed GROUP BY 1, 2, 3) AS each"
        op.execute(
            f"CREATE FUNCTION tally_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'INSERT' THEN PERFORM tally(organization_id, kind, value, count) {each}; "
            f"ELSIF TG_OP = 'DELETE' THEN PERFORM tally(organization_id, kind, value, -count) "
            f"{each}; "
            f"ELSE PERFORM tally(OLD.organization_id, {_of('OLD', table)}, -1); "
            f"PERFORM tally(NEW.organization_id, {_of('NEW', table)}, 1); "
            "END IF; RETURN NULL; END $$"
        )
        for event, rows in (("insert", "NEW"), ("delete", "OLD")):
            op.execute(
                f"CREATE TRIGGER tally_{table}_{event} AFTER {event} ON {table} "
                f"REFERENCING {rows} TABLE AS changed "
                f"FOR EACH STATEMENT EXECUTE FUNCTION tally_{table}()"
            )
    op.execute(
        "CREATE TRIGGER tally_documents_update AFTER UPDATE OF status ON documents FOR EACH ROW "
        "WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION tally_documents()"
    )


def _of(row: str, table: str) -> str:
    return ", ".join(expression.format(row) for expression in COUNTED[table])


def _keep_facets(add: str, remove: str, change: str) -> None:
    """Let the triggers of agents' facets (0032) run these statements instead of those before."""
    if not _is_sqlite():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {KEEP}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'INSERT' THEN {add}; ELSIF TG_OP = 'DELETE' THEN {remove}; "
            f"ELSE {change}; END IF; RETURN NULL; END $$"
        )
        return
    is_changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in COLUMNS)
    for event, when, does in (
        ("insert", "AFTER INSERT ON agents", add),
        ("delete", "AFTER DELETE ON agents", remove),
        ("update", f"AFTER UPDATE OF {', '.join(COLUMNS)} ON agents WHEN {is_changed}", change),
    ):
        op.execute(f"DROP TRIGGER {KEEP}_{event}")
        op.execute(f"CREATE TRIGGER {KEEP}_{event} {when} BEGIN {does}; END")


def _facets(row: str) -> str:
    """The facets of an agent, each once; one that is not active has none."""
    given = [*((name, f"{row}.{column}") for name, column in FACETS.items()), ("tool", "value")]
    sources = [""] * len(FACETS) + [f"FROM {TOOLS[op.get_bind().dialect.name].format(row)} "]
    return " UNION ".join(
        f"SELECT {row}.organization_id, '{name}' AS name, {value} AS value, {row}.id {source}"
        f"WHERE {row}.is_active"
        for (name, value), source in zip(given, sources, strict=True)
    )


def _add_facets(row: str, but: str = "") -> str:
    return f"INSERT INTO agent_facets ({FACET}) SELECT * FROM ({_facets(row)}) AS has{but}"


def _remove_facets(row: str, but: str = "") -> str:
    return (
        f"DELETE FROM agent_facets WHERE ({FACET}) IN (SELECT * FROM ({_facets(row)}) AS had{but})"
    )


def _change_facets() -> str:
    """Only what differs is written."""
    new, old = (f" EXCEPT SELECT * FROM ({_facets(row)}) AS other" for row in ("NEW", "OLD"))
    return f"{_remove_facets('OLD', new)}; {_add_facets('NEW', old)}"


def _add_each(row: str) -> str:
    return _for_each(
        f"INSERT INTO agent_facets ({FACET}) "
        "SELECT DISTINCT {row}.organization_id, '{name}', facet.value, {row}.id "
        "FROM ({value}) AS facet WHERE {row}.is_active",
        row,
    )


def _remove_each(row: str) -> str:
    return _for_each(
        "DELETE FROM agent_facets WHERE organization_id = {row}.organization_id "
        "AND name = '{name}' AND value IN ({value}) AND agent_id = {row}.id",
        row,
    )


def _for_each(pattern: str, row: str) -> str:
    """As 0032 has it: one statement for each kind of facet."""
    sources = {name: f"SELECT {row}.{column} AS value" for name, column in FACETS.items()}
    sources["tool"] = f"SELECT value FROM {TOOLS[op.get_bind().dialect.name].format(row)}"
    return "; ".join(
        pattern.format(row=row, name=name, value=value) for name, value in sources.items()
    )


def _is_sqlite() -> bool:
    return bool(op.get_bind().dialect.name == "sqlite")
