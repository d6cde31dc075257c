"""name each job of a message"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("later_jobs", sa.Integer(), nullable=False, server_default="0")
    op.add_column("webhook_deliveries", column)
    # The jobs that wait are named by this number.
    op.execute("UPDATE webhook_deliveries SET later_jobs = attempts_before")


def downgrade() -> None:
    op.drop_column("webhook_deliveries", "later_jobs")
