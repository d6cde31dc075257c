"""keep versions and releases of agents

Columns are added and dropped one by one: rebuilding the table, as batch operations do on SQLite,
would delete what refers to its rows.
"""

import unicodedata

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW = sa.table(
    "agents",
    sa.column("id", sa.Uuid()),
    sa.column("name", sa.String()),
    sa.column("handle", sa.String()),
    sa.column("description", sa.Text()),
    sa.column("scope_description", sa.String()),
    sa.column("created_at", types.UtcDateTime()),
    sa.column("versioned_at", types.UtcDateTime()),
    sa.column("name_key", sa.String()),
    sa.column("model", sa.String()),
    sa.column("model_key", sa.String()),
    sa.column("search_text", sa.String()),
)


#: what the list filters and sorts by
LISTED = (
    "organization_id is_active created_at id updated_at total_queries paused status modality "
    "model_key parent tools name_key search_text"
).split()
SORTED = ("name_key", "updated_at")


def columns() -> list[sa.Column]:
    return [
        sa.Column("persona", sa.String(length=2000)),
        sa.Column("input_schema", types.OrderedJson),
        sa.Column("output_schema", types.OrderedJson),
        sa.Column("model_overrides", types.Json),
        sa.Column("parent", sa.String(length=64)),
        sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("status", sa.String(length=20), nullable=False, server_default="draft"),
        sa.Column("environments", types.Json, nullable=False, server_default="{}"),
        sa.Column("current_version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("published_version", sa.Integer()),
        sa.Column("version_author", sa.String(length=320), nullable=False, server_default=""),
        sa.Column("version_note", sa.String(length=500)),
        sa.Column(
            "versioned_at",
            types.UtcDateTime(),
            nullable=False,
            server_default="2026-01-01 00:00:00",
        ),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("name_key", sa.String(length=255), nullable=False, server_default=""),
        sa.Column("model_key", sa.String(length=255), nullable=False, server_default=""),
        sa.Column("search_text", sa.Text(), nullable=False, server_default=""),
    ]


def upgrade() -> None:
    op.create_table(
        "agent_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("snapshot", types.OrderedJson, nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("note", sa.String(length=500)),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agents.id"],
            name=op.f("fk_agent_versions_agent_id_agents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_versions")),
        sa.UniqueConstraint("agent_id", "version", name=op.f("uq_agent_versions_agent_id_version")),
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("semver", sa.String(length=64), nullable=False),
        sa.Column("changelog", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agents.id"],
            name=op.f("fk_releases_agent_id_agents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("agent_id", "semver", name=op.f("uq_releases_agent_id_semver")),
        sa.UniqueConstraint("agent_id", "version", name=op.f("uq_releases_agent_id_version")),
    )
    op.create_table(
        "deployments",
        sa.Column("id", types.BigId, autoincrement=True, nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agents.id"],
            name=op.f("fk_deployments_agent_id_agents"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["release_id"],
            ["releases.id"],
            name=op.f("fk_deployments_release_id_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
    )
    op.create_index(
        op.f("ix_deployments_agent_id_environment_id"),
        "deployments",
        ["agent_id", "environment", "id"],
    )
    for column in columns():
        op.add_column("agents", column)
    _fill()
    op.drop_index(op.f("ix_agents_organization_id_is_active_created_at"), "agents")
    op.create_index(
        op.f("ix_agents_organization_id_is_active_created_at_id"),
        "agents",
        ["organization_id", "is_active", "created_at", "id"],
    )
    op.create_index("ix_agents_parent", "agents", ["organization_id", "parent"])
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("ix_agents_list", "agents", LISTED)
    else:
        for name in SORTED:
            columns_of = ["organization_id", "is_active", name, "id"]
            op.create_index(f"ix_agents_{name}", "agents", columns_of)


def _fill() -> None:
    """What the list searches and sorts by, for the agents that are there."""
    connection = op.get_bind()
    for row in connection.execute(sa.select(NEW)).all():
        text = f"{row.name}\n{row.handle}\n{row.description}\n{row.scope_description or ''}"
        connection.execute(
            sa.update(NEW)
            .where(NEW.c.id == row.id)
            .values(
                versioned_at=row.created_at,
                name_key=_fold(row.name)[:255],
                model_key=_fold(row.model)[:255],
                search_text=_fold(text),
            )
        )


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_agents_list", "agents")
    else:
        for name in SORTED:
            op.drop_index(f"ix_agents_{name}", "agents")
    for name in ("parent", "organization_id_is_active_created_at_id"):
        op.drop_index(f"ix_agents_{name}", "agents")
    op.create_index(
        op.f("ix_agents_organization_id_is_active_created_at"),
        "agents",
        ["organization_id", "is_active", "created_at"],
    )
    for column in reversed(columns()):
        op.drop_column("agents", column.name)
    op.drop_index(op.f("ix_deployments_agent_id_environment_id"), "deployments")
    op.drop_table("deployments")
    op.drop_table("releases")
    op.drop_table("agent_versions")
