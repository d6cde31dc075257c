"""find what has served its time, and what overviews list, without reading whole tables"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES = [
    ("tasks", "completed_at"),
    ("tasks", "retry_of"),
    ("webhook_deliveries", "completed_at"),
    ("coverage_history", "timestamp"),
    ("unanswered_questions", "last_asked_at"),
]


def upgrade() -> None:
    for table, column in INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index(
        "ix_unanswered_questions_most_asked",
        "unanswered_questions",
        ["organization_id", "is_open", "times_asked", "last_asked_at"],
    )
    has_topics = sa.text("scope_id IS NOT NULL")
    op.create_index(
        "ix_agents_least_covered",
        "agents",
        ["organization_id", "is_active", "coverage_percent", "id"],
        sqlite_where=has_topics,
        postgresql_where=has_topics,
    )


def downgrade() -> None:
    op.drop_index("ix_agents_least_covered", "agents")
    op.drop_index("ix_unanswered_questions_most_asked", "unanswered_questions")
    for table, column in INDEXES:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
