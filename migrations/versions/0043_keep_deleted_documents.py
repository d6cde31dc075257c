"""keep deleted documents for a while, so that they can be restored"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deleted_documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(100), nullable=False),
        sa.Column("source_url", sa.String(2000), nullable=True),
        sa.Column("external_id", sa.String(255), nullable=True),
        sa.Column("metadata", types.Json, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("error", sa.String(500), nullable=True),
        sa.Column("upload_id", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", types.UtcDateTime(), nullable=True),
        sa.Column("file_size", sa.Integer(), nullable=False),
        sa.Column("checksum", sa.String(64), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("deleted_at", types.UtcDateTime(), nullable=False),
        sa.Column("deletion_id", sa.String(41), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_deleted_documents_organization_id_organizations",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deleted_documents"),
    )
    for columns in (
        ["organization_id", "deleted_at", "id"],
        ["deleted_at"],
        ["deletion_id"],
        ["upload_id"],
    ):
        name = f"ix_deleted_documents_{'_'.join(columns)}"
        op.create_index(name, "deleted_documents", columns)
    op.create_table(
        "deleted_document_nodes",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("is_proposed", sa.Boolean(), nullable=False),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["deleted_documents.id"],
            name="fk_deleted_document_nodes_document_id_deleted_documents",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["node_id"],
            ["taxonomy_nodes.id"],
            name="fk_deleted_document_nodes_node_id_taxonomy_nodes",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "node_id", name="pk_deleted_document_nodes"),
    )
    op.create_index("ix_deleted_document_nodes_node_id", "deleted_document_nodes", ["node_id"])


def downgrade() -> None:
    # What could still be restored is gone then, with its files.
    op.execute("DELETE FROM uploads WHERE id IN (SELECT upload_id FROM deleted_documents)")
    op.drop_table("deleted_document_nodes")
    op.drop_table("deleted_documents")
