"""add webhooks: what is sent to them, and which tasks tell one of their end"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("payload", types.OrderedJson, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("response_status", sa.Integer()),
        sa.Column("error", sa.String(length=300)),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("completed_at", types.UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_webhook_deliveries_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_organization_id_created_at"),
        "webhook_deliveries",
        ["organization_id", "created_at"],
    )
    op.add_column("tasks", sa.Column("webhook_url", sa.String(length=2000)))


def downgrade() -> None:
    op.drop_column("tasks", "webhook_url")
    op.drop_table("webhook_deliveries")
