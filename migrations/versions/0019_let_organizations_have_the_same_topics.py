"""let organizations have the same topics"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NODES = sa.table(
    "taxonomy_nodes",
    sa.column("id", sa.Uuid()),
    sa.column("taxonomy_id", sa.Uuid()),
    sa.column("organization_id", sa.Uuid()),
    sa.column("public_id", sa.Uuid()),
)
STATS = sa.table(
    "node_stats", sa.column("node_id", sa.Uuid()), sa.column("public_id", sa.Uuid())
)
TAXONOMIES = sa.table(
    "taxonomies", sa.column("id", sa.Uuid()), sa.column("organization_id", sa.Uuid())
)
AGENTS = sa.table(
    "agents",
    sa.column("id", sa.Uuid()),
    sa.column("organization_id", sa.Uuid()),
    sa.column("taxonomy_node_ids", types.UuidList()),
)
#: SQLite makes these tables anew, and has to be told what it does not tell of itself
WITHOUT_ROWID = {"table_kwargs": {"sqlite_with_rowid": False}}


def upgrade() -> None:
    """Topics keep the ids that they have, inside and outside."""
    op.add_column("taxonomy_nodes", sa.Column("organization_id", sa.Uuid(), nullable=True))
    op.add_column("taxonomy_nodes", sa.Column("public_id", sa.Uuid(), nullable=True))
    op.add_column("node_stats", sa.Column("public_id", sa.Uuid(), nullable=True))
    owner = sa.select(TAXONOMIES.c.organization_id).where(TAXONOMIES.c.id == NODES.c.taxonomy_id)
    op.execute(
        sa.update(NODES).values(public_id=NODES.c.id, organization_id=owner.scalar_subquery())
    )
    op.execute(sa.update(STATS).values(public_id=STATS.c.node_id))
    with op.batch_alter_table("taxonomy_nodes") as batch:
        batch.alter_column("organization_id", existing_type=sa.Uuid(), nullable=False)
        batch.alter_column("public_id", existing_type=sa.Uuid(), nullable=False)
        batch.create_foreign_key(
            op.f("fk_taxonomy_nodes_organization_id_organizations"),
            "organizations",
            ["organization_id"],
            ["id"],
        )
        batch.create_unique_constraint(
            op.f("uq_taxonomy_nodes_organization_id_public_id"), ["organization_id", "public_id"]
        )
    with op.batch_alter_table("node_stats", **WITHOUT_ROWID) as batch:
        batch.alter_column("public_id", existing_type=sa.Uuid(), nullable=False)


def downgrade() -> None:
    """Topics are called again what tables call them, and agents name them so."""
    _rename_topics_of_agents()
    with op.batch_alter_table("node_stats", **WITHOUT_ROWID) as batch:
        batch.drop_column("public_id")
    with op.batch_alter_table("taxonomy_nodes") as batch:
        batch.drop_constraint(op.f("uq_taxonomy_nodes_organization_id_public_id"), type_="unique")
        batch.drop_constraint(
            op.f("fk_taxonomy_nodes_organization_id_organizations"), type_="foreignkey"
        )
        batch.drop_column("public_id")
        batch.drop_column("organization_id")


def _rename_topics_of_agents() -> None:
    connection = op.get_bind()
    renamed = sa.select(NODES).where(NODES.c.public_id != NODES.c.id)
    ids: dict[tuple[UUID, UUID], UUID] = {
        (row.organization_id, row.public_id): row.id for row in connection.execute(renamed)
    }
    for agent in connection.execute(sa.select(AGENTS)).all():
        old = agent.taxonomy_node_ids
        new = [ids.get((agent.organization_id, node_id), node_id) for node_id in old]
        if new != old:
            change = sa.update(AGENTS).where(AGENTS.c.id == agent.id)
            connection.execute(change.values(taxonomy_node_ids=new))
