"""give PostgreSQL an index that finds agents by the first letters of their names"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_agents_name_letters",
            "agents",
            ["organization_id", "is_active", "name_key"],
            postgresql_ops={"name_key": "text_pattern_ops"},
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_agents_name_letters", "agents")
