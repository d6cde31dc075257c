"""find the agents that have topics of a version"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NAME = "ix_agents_taxonomy_version"


def upgrade() -> None:
    where = sa.text("taxonomy_version IS NOT NULL")
    op.create_index(
        NAME,
        "agents",
        ["organization_id", "taxonomy_version"],
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    op.drop_index(NAME, table_name="agents")
