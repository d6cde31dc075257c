"""name the first entry of a change of many things, so that a list shows it alone"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

BATCH = 1000
ACTS = "ix_audit_entries_acts"
FURTHER = "ix_audit_entries_first_id_id"
#: what was taken for one change until now
AMONG, SPAN = 5000, timedelta(minutes=1)

SAME = ("organization_id", "request_id", "actor_name", "action", "subject_type")
entries = sa.table(
    "audit_entries",
    sa.column("id", types.BigId),
    *map(sa.column, SAME),
    sa.column("detail", types.TYPES[dict[str, Any]]),
    sa.column("created_at", types.UtcDateTime()),
    sa.column("first_id", types.BigId),
)


def upgrade() -> None:
    op.add_column("audit_entries", sa.Column("first_id", types.BigId, nullable=True))
    _name_first()
    for name, columns, condition in (
        (ACTS, ["organization_id", "id"], "first_id IS NULL"),
        (FURTHER, ["first_id", "id"], "first_id IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(
            name, "audit_entries", columns, postgresql_where=where, sqlite_where=where
        )


def downgrade() -> None:
    op.drop_index(FURTHER, "audit_entries")
    op.drop_index(ACTS, "audit_entries")
    op.drop_column("audit_entries", "first_id")


def _name_first() -> None:
    connection, last = op.get_bind(), 0
    of_many = (
        sa.select(entries.c.id, entries.c.created_at, *(entries.c[name] for name in SAME))
        .where(
            entries.c.request_id.is_not(None),
            sa.cast(entries.c.detail, sa.Text).like('%"bulk": true%'),
        )
        .order_by(entries.c.id)
        .limit(BATCH)
    )
    change = entries.update().where(entries.c.id == sa.bindparam("of"))
    change = change.values(first_id=sa.bindparam("first"))
    firsts: dict[tuple[Any, ...], Any] = {}
    while rows := connection.execute(of_many.where(entries.c.id > last)).all():
        changes = []
        for row in rows:
            what = tuple(getattr(row, name) for name in SAME)
            first = firsts.setdefault(what, row)
            if row.id - first.id > AMONG or abs(row.created_at - first.created_at) > SPAN:
                firsts[what] = first = row
            if row.id != first.id:
                changes.append({"of": row.id, "first": first.id})
        if changes:
            connection.execute(change, changes)
        last = rows[-1].id
        firsts = {what: first for what, first in firsts.items() if last - first.id <= AMONG}
