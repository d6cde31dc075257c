"""keep what executions took"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

COPIED = (
    "organization_id, completed_at, agent_id, agent_version, model, trigger, project_id, "
    "created_by, status, error_code, execution_time_ms, cpu_time_ms, model_requests, "
    "input_tokens, output_tokens, cost_usd"
)


def upgrade() -> None:
    op.create_table(
        "execution_usage",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("completed_at", types.UtcDateTime(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("agent_version", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("trigger", sa.String(20), nullable=False),
        sa.Column("project_id", sa.String(255), nullable=True),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("execution_time_ms", sa.Integer(), nullable=False),
        sa.Column("cpu_time_ms", sa.Integer(), nullable=False),
        sa.Column("model_requests", types.BigId, nullable=False),
        sa.Column("input_tokens", types.BigId, nullable=False),
        sa.Column("output_tokens", types.BigId, nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"],
            name=op.f("fk_execution_usage_organization_id_organizations"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "completed_at", "execution_id", name=op.f("pk_execution_usage")
        ),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.execute(
        f"INSERT INTO execution_usage (execution_id, {COPIED}) "
        f"SELECT id, {COPIED} FROM executions WHERE completed_at IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_table("execution_usage")
