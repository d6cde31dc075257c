"""give SQLite an index for each order of agents, and a short one for their filters"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

#: PostgreSQL has these already
SORTED = ("name_key", "updated_at")
FILTERS = ["organization_id", "is_active", "created_at", "id", "paused", "status", "modality"]


def upgrade() -> None:
    if _is_sqlite():
        for name in SORTED:
            op.create_index(
                f"ix_agents_{name}", "agents", ["organization_id", "is_active", name, "id"]
            )
        op.create_index("ix_agents_filters", "agents", [*FILTERS, "parent", "tools", "model_key"])


def downgrade() -> None:
    if _is_sqlite():
        for name in ("filters", *SORTED):
            op.drop_index(f"ix_agents_{name}", "agents")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
