"""give webhooks rows and secrets of their own

Until now there was one secret for each organization, made from the installation's key. It becomes
the first secret of every organization that there is, so that signatures go on verifying.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from flask import current_app

from webapp.core import sealing
from webapp.core.database import types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SECRETS = sa.table(
    "webhook_secrets",
    sa.column("id", sa.Uuid()),
    sa.column("organization_id", sa.Uuid()),
    sa.column("sealed", sa.Text()),
    sa.column("created_at", types.UtcDateTime()),
)


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("events", types.StringList(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_webhooks_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_organization_id"), "webhooks", ["organization_id"])
    op.create_table(
        "webhook_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid()),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_webhook_secrets_organization_id_organizations"),
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_webhook_secrets_webhook_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secrets")),
    )
    op.create_index(
        op.f("ix_webhook_secrets_organization_id_webhook_id"),
        "webhook_secrets",
        ["organization_id", "webhook_id"],
    )
    op.create_index(op.f("ix_webhook_secrets_expires_at"), "webhook_secrets", ["expires_at"])
    op.create_table(
        "webhook_attempts",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", types.UtcDateTime()),
        sa.Column("response_status", sa.Integer()),
        sa.Column("error", sa.String(length=300)),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["webhook_deliveries.id"],
            name=op.f("fk_webhook_attempts_delivery_id_webhook_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_webhook_attempts")),
    )
    op.add_column("webhook_deliveries", sa.Column("webhook_id", sa.Uuid()))
    op.add_column("webhook_deliveries", sa.Column("next_attempt_at", types.UtcDateTime()))
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id_created_at"),
        "webhook_deliveries",
        ["webhook_id", "created_at"],
    )
    keep_secrets()


def keep_secrets() -> None:
    organizations = sa.table("organizations", sa.column("id", sa.Uuid()))
    secret_key = current_app.config["CALLBOARD"].secret_key.encode()
    for organization_id in op.get_bind().scalars(sa.select(organizations.c.id)).all():
        message = f"webhooks of {organization_id}".encode()
        secret = hmac.new(secret_key, message, hashlib.sha256).hexdigest()
        row = {
            "id": uuid4(),
            "organization_id": organization_id,
            "sealed": sealing.seal(secret),
            "created_at": datetime.now(UTC),
        }
        op.execute(sa.insert(SECRETS).values(**row))


def downgrade() -> None:
    op.drop_index(
        op.f("ix_webhook_deliveries_webhook_id_created_at"), table_name="webhook_deliveries"
    )
    op.drop_column("webhook_deliveries", "next_attempt_at")
    op.drop_column("webhook_deliveries", "webhook_id")
    op.drop_table("webhook_attempts")
    op.drop_table("webhook_secrets")
    op.drop_table("webhooks")
