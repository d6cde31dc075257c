"""list the workers, with the last time that each was heard of"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(300), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), server_default=sa.func.now(), nullable=False),
        sa.Column("beat_at", types.UtcDateTime(), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )


def downgrade() -> None:
    op.drop_table("workers")
