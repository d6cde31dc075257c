"""keep what was said of a file"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of files that came before, nothing is known."""
    op.add_column("uploads", sa.Column("options", types.Json, nullable=True))
    op.add_column("uploads", sa.Column("newest_version", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("uploads", "newest_version")
    op.drop_column("uploads", "options")
