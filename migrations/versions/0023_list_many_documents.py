"""list, filter and search many documents without reading their texts"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BEFORE = ["organization_id", "created_at"]
LISTED = [*BEFORE, "id"]
BY_STATUS = ["organization_id", "status", "created_at", "id"]


def upgrade() -> None:
    for columns in (LISTED, BY_STATUS):
        op.create_index(_name(columns), "documents", columns)
    op.drop_index(_name(BEFORE), "documents")
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(
            "ix_documents_list", "documents", [*LISTED, "status", "title", "external_id"]
        )
    op.create_index(
        "ix_document_nodes_proposed",
        "document_nodes",
        ["document_id"],
        sqlite_where=sa.text("is_proposed = 1"),
        postgresql_where=sa.text("is_proposed"),
    )


def downgrade() -> None:
    op.drop_index("ix_document_nodes_proposed", "document_nodes")
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_documents_list", "documents")
    op.create_index(_name(BEFORE), "documents", BEFORE)
    for columns in (LISTED, BY_STATUS):
        op.drop_index(_name(columns), "documents")


def _name(columns: list[str]) -> str:
    return str(op.f(f"ix_documents_{'_'.join(columns)}"))
