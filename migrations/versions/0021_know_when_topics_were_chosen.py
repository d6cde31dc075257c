"""know when topics were chosen"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of choices made before, nothing is known: they make no edit stale."""
    op.add_column(
        "agents", sa.Column("scope_revision", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    op.drop_column("agents", "scope_revision")
