"""find sub-agents that are active"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

INDEX = "ix_agents_parent"


def upgrade() -> None:
    op.drop_index(INDEX, "agents")
    op.create_index(INDEX, "agents", ["organization_id", "parent", "is_active"])


def downgrade() -> None:
    op.drop_index(INDEX, "agents")
    op.create_index(INDEX, "agents", ["organization_id", "parent"])
