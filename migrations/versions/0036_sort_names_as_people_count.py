"""sort names as people count: "Area 2" before "Area 10\""""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

BATCH = 1000
DIGITS = 8
NUMBER = re.compile("[0-9]+")
AGENT_KEY, TITLE_KEY, LABEL_KEY, PATH_KEY = 255, 100, 255, 500

agents = sa.table(
    "agents", sa.column("id"), sa.column("name", sa.String()), sa.column("name_key", sa.String())
)
documents = sa.table(
    "documents",
    *(sa.column("id"), sa.column("title", sa.String()), sa.column("title_key", sa.String())),
)
nodes = sa.table(
    "taxonomy_nodes",
    *(sa.column("id"), sa.column("label", sa.String()), sa.column("label_key", sa.String())),
    *(sa.column("canonical_path", types.StringList()), sa.column("path_key", sa.String())),
)


def upgrade() -> None:
    column = sa.Column("label_key", sa.String(LABEL_KEY), nullable=False, server_default="")
    op.add_column("taxonomy_nodes", column)
    keep(agents, {"name_key": lambda row: order_key(row.name, AGENT_KEY)})
    keep(documents, {"title_key": lambda row: order_key(row.title, TITLE_KEY)})
    keep(
        nodes,
        {
            "label_key": lambda row: label_key(row.label),
            "path_key": lambda row: join(map(label_key, row.canonical_path)),
        },
    )


def downgrade() -> None:
    keep(agents, {"name_key": lambda row: fold(row.name)[:AGENT_KEY]})
    keep(documents, {"title_key": lambda row: fold(row.title)[:TITLE_KEY]})
    keep(nodes, {"path_key": lambda row: join(row.canonical_path)})
    op.drop_column("taxonomy_nodes", "label_key")


def keep(table: sa.TableClause, keys: dict[str, Callable[[Any], str]]) -> None:
    """Write the keys of all rows whose keys are others now."""
    connection, last = op.get_bind(), None
    change = table.update().where(table.c.id == sa.bindparam("of"))
    change = change.values({name: sa.bindparam(f"new_{name}") for name in keys})
    while True:
        rows = connection.execute(
            sa.select(table)
            .where(sa.true() if last is None else table.c.id > last)
            .order_by(table.c.id)
            .limit(BATCH)
        ).all()
        changes = [
            {"of": row.id, **new}
            for row in rows
            if (new := {f"new_{name}": key(row) for name, key in keys.items()})
            != {f"new_{name}": getattr(row, name) for name in keys}
        ]
        if changes:
            connection.execute(change, changes)
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def join(labels: Iterable[str]) -> str:
    return "\x1f".join(labels)[:PATH_KEY]


def label_key(label: str) -> str:
    return order_key(label.replace("\x1f", " "), LABEL_KEY)


def order_key(text: str, limit: int) -> str:
    return NUMBER.sub(lambda number: number[0].zfill(DIGITS), fold(text))[:limit]


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
