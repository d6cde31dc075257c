"""find what has served its time, and what is asked most, without reading whole tables"""

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


MOST_ASKED = "ix_unanswered_questions_organization_id_is_open_times_asked"


def upgrade() -> None:
    op.create_index(
        op.f(MOST_ASKED), "unanswered_questions", ["organization_id", "is_open", "times_asked"]
    )
    for table, column in INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table, column in INDEXES:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
    op.drop_index(op.f(MOST_ASKED), "unanswered_questions")
