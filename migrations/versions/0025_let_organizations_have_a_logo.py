"""let organizations have a logo"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COLUMNS = (
    ("logo", sa.LargeBinary()),
    ("logo_type", sa.String(20)),
    ("logo_digest", sa.String(16)),
)


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("organizations", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name, _ in COLUMNS:
        op.drop_column("organizations", name)
