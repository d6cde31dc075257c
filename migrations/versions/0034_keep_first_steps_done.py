"""keep first steps done"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    none = "{}" if op.get_bind().dialect.name == "postgresql" else "[]"
    column = sa.Column("first_steps_done", types.StringList(), nullable=False, server_default=none)
    op.add_column("organizations", column)


def downgrade() -> None:
    op.drop_column("organizations", "first_steps_done")
