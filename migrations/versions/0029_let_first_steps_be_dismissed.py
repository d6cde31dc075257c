"""let first steps be dismissed"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("first_steps_dismissed_at", types.UtcDateTime(), nullable=True)
    op.add_column("organizations", column)


def downgrade() -> None:
    op.drop_column("organizations", "first_steps_dismissed_at")
