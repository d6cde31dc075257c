"""keep executions, their logs, steps and pieces of output, and idempotency keys"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

BOTH = ("sqlite_where", "postgresql_where")


def upgrade() -> None:
    op.create_table(
        "executions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("agent_version", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(64), nullable=True),
        sa.Column("environment", sa.String(20), nullable=True),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("input", types.OrderedJson, nullable=False),
        sa.Column("output", types.OrderedJson, nullable=True),
        sa.Column("error", types.OrderedJson, nullable=True),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("trigger", sa.String(20), nullable=False),
        sa.Column("project_id", sa.String(255), nullable=True),
        sa.Column("conversation_id", sa.String(255), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("time_limit_seconds", sa.Double(), nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("worker", sa.String(300), nullable=True),
        sa.Column("waiting_for", sa.String(30), nullable=True),
        sa.Column("waiting_since", types.UtcDateTime(), nullable=True),
        sa.Column("resume_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("completed_at", types.UtcDateTime(), nullable=True),
        sa.Column("execution_time_ms", sa.Integer(), nullable=False),
        sa.Column("cpu_time_ms", sa.Integer(), nullable=False),
        sa.Column("memory_peak_mb", sa.Double(), nullable=False),
        sa.Column("model_requests", types.BigId, nullable=False),
        sa.Column("input_tokens", types.BigId, nullable=False),
        sa.Column("output_tokens", types.BigId, nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status_sequence", sa.Integer(), nullable=False),
        sa.Column("step_count", sa.Integer(), nullable=False),
        sa.Column("log_count", sa.Integer(), nullable=False),
        sa.Column("log_bytes", sa.Integer(), nullable=False),
        sa.Column("dropped_logs", sa.Integer(), nullable=False),
        sa.Column("has_chunks", sa.Boolean(), nullable=False),
        sa.Column("job_number", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("checkpoint", types.Json, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("cancellation_requested", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"],
            name=op.f("fk_executions_organization_id_organizations"),
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_executions_agent_id_agents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
    )  # fmt: skip
    for columns in (
        ("organization_id", "id"),
        ("organization_id", "agent_id", "id"),
        ("organization_id", "status", "id"),
        ("organization_id", "completed_at"),
    ):
        op.create_index(op.f(f"ix_executions_{'_'.join(columns)}"), "executions", columns)
    for name, columns, condition in (
        ("project", ["organization_id", "project_id", "id"], "project_id IS NOT NULL"),
        ("trigger", ["organization_id", "trigger", "id"], "trigger <> 'api'"),
        ("logs", ["organization_id", "completed_at"], "log_count > 0"),
        ("held", ["agent_id"], "waiting_for IS NOT NULL"),
        ("chunks", ["completed_at"], "has_chunks"),
        ("retry_of", ["retry_of"], "retry_of IS NOT NULL"),
    ):
        op.create_index(
            f"ix_executions_{name}",
            "executions",
            columns,
            **dict.fromkeys(BOTH, sa.text(condition)),
        )
    _create_part(
        "execution_logs",
        "sequence",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("level", sa.String(5), nullable=False),
        sa.Column("step", sa.String(100), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("metadata", types.OrderedJson, nullable=False),
    )
    _create_part("execution_chunks", "sequence", sa.Column("text", sa.Text(), nullable=True))
    _create_part(
        "execution_steps",
        "number",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("call_id", sa.String(255), nullable=False),
        sa.Column("content", types.OrderedJson, nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
    )
    op.create_table(
        "execution_retention",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("execution_days", sa.Integer(), nullable=True),
        sa.Column("log_days", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"],
            name=op.f("fk_execution_retention_organization_id_organizations"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_execution_retention")),
    )  # fmt: skip
    op.create_table(
        "idempotency_keys",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "owner_id", "key", name=op.f("pk_idempotency_keys")
        ),
    )
    op.create_index(
        op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"]
    )


def downgrade() -> None:
    op.drop_table("idempotency_keys")
    op.drop_table("execution_retention")
    for name in ("execution_steps", "execution_chunks", "execution_logs", "executions"):
        op.drop_table(name)


def _create_part(name: str, number: str, *columns: sa.Column) -> None:
    """A table of what an execution has many of: those of one stand together."""
    op.create_table(
        name,
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column(number, sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"],
            name=op.f(f"fk_{name}_execution_id_executions"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("execution_id", number, name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )  # fmt: skip
