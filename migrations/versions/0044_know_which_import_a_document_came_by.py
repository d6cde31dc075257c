"""know which import a document came by"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

TABLES = ("documents", "deleted_documents")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("import_id", sa.String(41), nullable=True))
        op.create_index(f"ix_{table}_import_id", table, ["import_id"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_import_id", table)
        op.drop_column(table, "import_id")
