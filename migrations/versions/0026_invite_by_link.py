"""invite by link"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("memberships", sa.Column("link_hash", sa.String(64), nullable=True))
    op.add_column("memberships", sa.Column("link_expires_at", types.UtcDateTime(), nullable=True))
    op.create_index("ix_memberships_link_hash", "memberships", ["link_hash"], unique=True)


def downgrade() -> None:
    """Who was invited by a link has to be invited once more."""
    op.drop_index("ix_memberships_link_hash", table_name="memberships")
    op.drop_column("memberships", "link_expires_at")
    op.drop_column("memberships", "link_hash")
