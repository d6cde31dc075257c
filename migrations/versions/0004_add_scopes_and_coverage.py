"""add scopes and coverage: documents about topics, what agents know, and what they lack"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LISTED = (
    "organization_id is_active created_at id updated_at total_queries paused status modality "
    "model_key parent tools name_key search_text"
).split()


def columns() -> list[sa.Column]:
    return [
        sa.Column("taxonomy_node_ids", types.UuidList(), nullable=False, server_default=_empty()),
        sa.Column("taxonomy_version", sa.String(length=32)),
        sa.Column("scope_id", sa.Uuid()),
        sa.Column("total_documents", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("total_chunks", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("coverage_percent", sa.Double(), nullable=False, server_default="0"),
        sa.Column("last_coverage_update", types.UtcDateTime()),
        sa.Column("level", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("current_xp", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("successful_queries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("avg_faithfulness", sa.Double(), nullable=False, server_default="0"),
        sa.Column("avg_response_time_ms", sa.Double(), nullable=False, server_default="0"),
    ]


def _empty() -> str:
    return "[]" if op.get_bind().dialect.name == "sqlite" else "{}"


def upgrade() -> None:
    for column in columns():
        op.add_column("agents", column)
    op.create_index(op.f("ix_agents_scope_id"), "agents", ["scope_id"])
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_agents_list", "agents")
        op.create_index("ix_agents_list", "agents", [*LISTED[:-1], "coverage_percent", LISTED[-1]])
    else:
        op.create_index(
            "ix_agents_coverage_percent",
            "agents",
            ["organization_id", "is_active", "coverage_percent", "id"],
        )
    op.add_column(
        "index_states",
        sa.Column("scope_revision", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_table(
        "document_nodes",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("is_proposed", sa.Boolean(), nullable=False),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        _reference("document_nodes", "document_id", "documents"),
        _reference("document_nodes", "node_id", "taxonomy_nodes"),
        sa.PrimaryKeyConstraint("document_id", "node_id", name=op.f("pk_document_nodes")),
    )
    op.create_index(
        op.f("ix_document_nodes_node_id_is_counted_document_id"),
        "document_nodes",
        ["node_id", "is_counted", "document_id"],
    )
    op.create_table(
        "node_stats",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("document_count", sa.Integer(), nullable=False),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("target", sa.Integer()),
        _reference("node_stats", "node_id", "taxonomy_nodes"),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_node_stats")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO node_stats (node_id, document_count, chunk_count, target)"
        " SELECT id, 0, 0, target_documents FROM taxonomy_nodes"
    )
    op.create_table(
        "scopes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("taxonomy_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("document_count", sa.Integer(), nullable=False),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("changed_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_scopes_organization_id_organizations"),
        ),
        _reference("scopes", "taxonomy_id", "taxonomies"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scopes")),
        sa.UniqueConstraint("organization_id", "key", name=op.f("uq_scopes_organization_id_key")),
    )
    op.create_index(op.f("ix_scopes_taxonomy_id"), "scopes", ["taxonomy_id"])
    op.create_table(
        "scope_roots",
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        _reference("scope_roots", "scope_id", "scopes"),
        _reference("scope_roots", "node_id", "taxonomy_nodes"),
        sa.PrimaryKeyConstraint("scope_id", "node_id", name=op.f("pk_scope_roots")),
    )
    op.create_index(op.f("ix_scope_roots_node_id"), "scope_roots", ["node_id"])
    op.create_table(
        "coverage_targets",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        _reference("coverage_targets", "agent_id", "agents"),
        _reference("coverage_targets", "node_id", "taxonomy_nodes"),
        sa.PrimaryKeyConstraint("agent_id", "node_id", name=op.f("pk_coverage_targets")),
    )
    op.create_table(
        "coverage_history",
        sa.Column("id", types.BigId, autoincrement=True, nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("timestamp", types.UtcDateTime(), nullable=False),
        sa.Column("overall_coverage", sa.Double(), nullable=False),
        sa.Column("total_documents", sa.Integer(), nullable=False),
        sa.Column("total_chunks", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=32)),
        _reference("coverage_history", "agent_id", "agents"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_history")),
    )
    op.create_index(
        op.f("ix_coverage_history_agent_id_timestamp"),
        "coverage_history",
        ["agent_id", "timestamp"],
    )


def _reference(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    """What goes when the other row goes."""
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    for table in (
        "coverage_history",
        "coverage_targets",
        "scope_roots",
        "scopes",
        "node_stats",
        "document_nodes",
    ):
        op.drop_table(table)
    op.drop_column("index_states", "scope_revision")
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_agents_list", "agents")
        op.create_index("ix_agents_list", "agents", LISTED)
    else:
        op.drop_index("ix_agents_coverage_percent", "agents")
    op.drop_index(op.f("ix_agents_scope_id"), "agents")
    for column in reversed(columns()):
        op.drop_column("agents", column.name)
