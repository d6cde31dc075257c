"""add unanswered questions, and how well each question was answered"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("questions", sa.Column("confidence", sa.Double()))
    op.create_table(
        "unanswered_questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("times_asked", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("first_asked_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_asked_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_unanswered_questions_organization_id_organizations"),
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agents.id"],
            name=op.f("fk_unanswered_questions_agent_id_agents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unanswered_questions")),
    )
    op.create_index(
        op.f("ix_unanswered_questions_agent_id_is_open_times_asked"),
        "unanswered_questions",
        ["agent_id", "is_open", "times_asked"],
    )


def downgrade() -> None:
    op.drop_table("unanswered_questions")
    op.drop_column("questions", "confidence")
