"""know which taxonomies are trees"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("is_tree", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("taxonomies", column)
    op.execute(
        """
        UPDATE taxonomies SET is_tree = true WHERE id NOT IN (
            SELECT taxonomy_nodes.taxonomy_id FROM taxonomy_nodes
            JOIN taxonomy_edges ON taxonomy_edges.child_id = taxonomy_nodes.id
            GROUP BY taxonomy_nodes.taxonomy_id, taxonomy_nodes.id HAVING count(*) > 1
        )
        """
    )


def downgrade() -> None:
    op.drop_column("taxonomies", "is_tree")
