"""announce by transaction, so that none is missed, and wake PostgreSQL's listeners"""

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was announced is told within seconds: no row is worth keeping.
    op.drop_table("announcements")
    op.create_table(
        "announcements",
        sa.Column("id", types.BigId, autoincrement=True, nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("feed", sa.String(length=120), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_announcements_created_at"), "announcements", ["created_at"])
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_index(op.f("ix_announcements_transaction_id"), "announcements", ["transaction_id"])
    op.execute(
        "CREATE FUNCTION notify_of_announcements() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('announcements', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER notify_of_announcements AFTER INSERT ON announcements "
        "FOR EACH STATEMENT EXECUTE FUNCTION notify_of_announcements()"
    )


def downgrade() -> None:
    op.drop_table("announcements")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION notify_of_announcements()")
    op.create_table(
        "announcements",
        sa.Column("id", types.BigId, autoincrement=True, nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
    op.create_index(op.f("ix_announcements_created_at"), "announcements", ["created_at"])
