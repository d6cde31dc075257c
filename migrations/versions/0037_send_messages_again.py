"""send messages again"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("attempts_before", sa.Integer(), nullable=False, server_default="0")
    op.add_column("webhook_deliveries", column)


def downgrade() -> None:
    op.drop_column("webhook_deliveries", "attempts_before")
