"""let an index be rebuilt beside the one that is searched, also with another embedder"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "index_states",
        sa.Column(
            "embedder",
            sa.String(length=100),
            nullable=False,
            server_default="wordllama-l2-supercat-256",
        ),
    )
    for table in ("index_states", "index_segments"):
        op.add_column(
            table, sa.Column("generation", types.BigId, nullable=False, server_default="0")
        )


def downgrade() -> None:
    op.drop_column("index_segments", "generation")
    op.drop_column("index_states", "generation")
    op.drop_column("index_states", "embedder")
