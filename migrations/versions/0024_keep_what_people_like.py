"""keep what people like"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COLUMNS = (("display_name", 255, ""), ("theme", 10, "system"), ("time_zone", 64, ""),
           ("locale", 16, "en-GB"))  # fmt: skip


def upgrade() -> None:
    for name, length, default in COLUMNS:
        column = sa.Column(name, sa.String(length), nullable=False, server_default=default)
        op.add_column("users", column)


def downgrade() -> None:
    for name, _, _ in COLUMNS:
        op.drop_column("users", name)
