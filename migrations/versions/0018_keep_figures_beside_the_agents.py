"""keep what is measured and counted of agents beside their definitions"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

COVERAGE = {
    "total_documents": sa.Integer(),
    "total_chunks": sa.Integer(),
    "coverage_percent": sa.Double(),
    "last_coverage_update": types.UtcDateTime(),
}
USAGE = {
    "total_queries": sa.Integer(),
    "successful_queries": sa.Integer(),
    "avg_response_time_ms": sa.Double(),
    "last_query_at": types.UtcDateTime(),
}
#: what nothing has ever written, with the value that every agent has
CONSTANT = {
    "level": (sa.Integer(), "1"),
    "current_xp": (sa.Integer(), "0"),
    "avg_faithfulness": (sa.Double(), "0"),
}
TABLES = {"agent_coverage": COVERAGE, "agent_usage": USAGE}
LISTED = ["organization_id", "is_active", "created_at", "id", "updated_at"]
LISTED_BEFORE = ["paused", "status", "modality", "model_key", "parent", "tools", "name_key"]


def upgrade() -> None:
    for table, figures in TABLES.items():
        _create(table, figures)
    op.create_index(
        op.f("ix_agent_usage_organization_id_total_queries_agent_id"),
        "agent_usage",
        ["organization_id", "total_queries", "agent_id"],
    )
    op.create_index(
        op.f("ix_agent_coverage_organization_id_coverage_percent_agent_id"),
        "agent_coverage",
        ["organization_id", "coverage_percent", "agent_id"],
    )
    op.create_index(
        "ix_agent_coverage_measured",
        "agent_coverage",
        ["organization_id", "coverage_percent", "agent_id"],
        sqlite_where=sa.text("last_coverage_update IS NOT NULL"),
        postgresql_where=sa.text("last_coverage_update IS NOT NULL"),
    )
    op.drop_index("ix_agents_least_covered", table_name="agents")
    if _is_sqlite():
        op.drop_index("ix_agents_list", table_name="agents")
    else:
        op.drop_index("ix_agents_coverage_percent", table_name="agents")
    for column in (*COVERAGE, *USAGE, *CONSTANT):
        op.drop_column("agents", column)
    if _is_sqlite():
        op.create_index("ix_agents_list", "agents", [*LISTED, *LISTED_BEFORE, "search_text"])


def downgrade() -> None:
    if _is_sqlite():
        op.drop_index("ix_agents_list", table_name="agents")
    for name, (kind, value) in CONSTANT.items():
        op.add_column("agents", sa.Column(name, kind, nullable=False, server_default=value))
    for table, figures in TABLES.items():
        for name, kind in figures.items():
            is_time = isinstance(kind, types.UtcDateTime)
            default = None if is_time else "0"
            op.add_column(
                "agents", sa.Column(name, kind, nullable=is_time, server_default=default)
            )
        values = ", ".join(f"{name} = kept.{name}" for name in figures)
        op.execute(
            f"UPDATE agents SET {values}, revision = agents.revision + kept.revision "
            f"FROM {table} AS kept WHERE kept.agent_id = agents.id"
        )
    if _is_sqlite():
        op.create_index(
            "ix_agents_list",
            "agents",
            [*LISTED, "total_queries", *LISTED_BEFORE, "coverage_percent", "search_text"],
        )
    else:
        op.create_index(
            "ix_agents_coverage_percent",
            "agents",
            ["organization_id", "is_active", "coverage_percent", "id"],
        )
    op.create_index(
        "ix_agents_least_covered",
        "agents",
        ["organization_id", "is_active", "coverage_percent", "id"],
        sqlite_where=sa.text("scope_id IS NOT NULL"),
        postgresql_where=sa.text("scope_id IS NOT NULL"),
    )
    for table in TABLES:
        op.drop_table(table)


def _create(table: str, figures: dict[str, sa.types.TypeEngine[object]]) -> None:
    """A table with a row of these figures for each agent, as the agent has them."""
    op.create_table(
        table,
        *(
            sa.Column(name, kind, nullable=isinstance(kind, types.UtcDateTime))
            for name, kind in figures.items()
        ),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agents.id"],
            name=op.f(f"fk_{table}_agent_id_agents"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f(f"fk_{table}_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("agent_id", name=op.f(f"pk_{table}")),
    )
    names = ", ".join(figures)
    op.execute(
        f"INSERT INTO {table} (agent_id, organization_id, revision, {names}) "
        f"SELECT id, organization_id, 0, {names} FROM agents"
    )


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
