"""find old questions without reading all of them"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_questions_created_at"), "questions", ["created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_questions_created_at"), "questions")
