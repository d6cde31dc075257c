"""name the checkpoint, attempts and number of a task's runs"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAMES = {"position": "checkpoint", "starts": "attempts", "run": "run_number"}


def upgrade() -> None:
    for old, new in NAMES.items():
        _rename(old, new)


def downgrade() -> None:
    for old, new in NAMES.items():
        _rename(new, old)


def _rename(old: str, new: str) -> None:
    # The same words on both databases; SQLite would copy the whole table for Alembic's own way.
    op.execute(f"ALTER TABLE tasks RENAME COLUMN {old} TO {new}")
