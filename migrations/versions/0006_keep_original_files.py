"""keep original files, and say why a document could not be read"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("error", sa.String(length=500)))
    op.add_column("documents", sa.Column("upload_id", sa.Uuid()))
    op.add_column("documents", sa.Column("proposed_at", types.UtcDateTime()))
    op.create_index(op.f("ix_documents_upload_id"), "documents", ["upload_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_documents_upload_id"), "documents")
    op.drop_column("documents", "proposed_at")
    op.drop_column("documents", "upload_id")
    op.drop_column("documents", "error")
