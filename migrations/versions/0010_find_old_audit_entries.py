"""find old audit entries without reading all of them"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_audit_entries_created_at"), "audit_entries", ["created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_entries_created_at"), "audit_entries")
