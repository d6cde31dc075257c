"""sort documents by title and by change"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

SORTED = ("updated_at", "title_key")
MAX_KEY = 100
BATCH = 1000

documents = sa.table(
    "documents", sa.column("id"), sa.column("title"), sa.column("title_key", sa.String())
)


def upgrade() -> None:
    op.add_column(
        "documents", sa.Column("title_key", sa.String(MAX_KEY), nullable=False, server_default="")
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(documents.c.id, documents.c.title)).all()
    keep = (
        documents.update()
        .where(documents.c.id == sa.bindparam("of"))
        .values(title_key=sa.bindparam("key"))
    )
    for start in range(0, len(rows), BATCH):
        keys = [{"of": id_, "key": _fold(title)} for id_, title in rows[start : start + BATCH]]
        connection.execute(keep, keys)
    for name in SORTED:
        op.create_index(f"ix_documents_organization_id_{name}_id", "documents", _columns(name))


def downgrade() -> None:
    for name in SORTED:
        op.drop_index(f"ix_documents_organization_id_{name}_id", "documents")
    op.drop_column("documents", "title_key")


def _columns(name: str) -> list[str]:
    return ["organization_id", name, "id"]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()[:MAX_KEY]
