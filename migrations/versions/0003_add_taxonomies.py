"""add taxonomies: versions of topics, their edges, and who is above whom"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "taxonomies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("node_count", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_taxonomies_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomies")),
        sa.UniqueConstraint(
            "organization_id", "version", name=op.f("uq_taxonomies_organization_id_version")
        ),
    )
    op.create_table(
        "taxonomy_nodes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("taxonomy_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("canonical_path", types.StringList(), nullable=False),
        sa.Column("path_key", sa.String(length=500), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("target_documents", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["taxonomy_id"],
            ["taxonomies.id"],
            name=op.f("fk_taxonomy_nodes_taxonomy_id_taxonomies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_nodes")),
    )
    op.create_index(
        op.f("ix_taxonomy_nodes_taxonomy_id_path_key"),
        "taxonomy_nodes",
        ["taxonomy_id", "path_key"],
    )
    for table, above, below in (
        ("taxonomy_edges", "parent_id", "child_id"),
        ("taxonomy_closure", "ancestor_id", "descendant_id"),
    ):
        op.create_table(
            table,
            sa.Column(above, sa.Uuid(), nullable=False),
            sa.Column(below, sa.Uuid(), nullable=False),
            *(
                sa.ForeignKeyConstraint(
                    [column],
                    ["taxonomy_nodes.id"],
                    name=op.f(f"fk_{table}_{column}_taxonomy_nodes"),
                    ondelete="CASCADE",
                )
                for column in (above, below)
            ),
            sa.PrimaryKeyConstraint(above, below, name=op.f(f"pk_{table}")),
        )
        op.create_index(op.f(f"ix_{table}_{below}"), table, [below])


def downgrade() -> None:
    op.drop_table("taxonomy_closure")
    op.drop_table("taxonomy_edges")
    op.drop_table("taxonomy_nodes")
    op.drop_table("taxonomies")
