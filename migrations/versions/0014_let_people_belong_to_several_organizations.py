"""let people belong to several organizations"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from webapp.core.database import types

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# SQLite cannot take a column out of a table that others refer to, and dropping such a table
# deletes what refers to it. So the three tables are read, made anew and filled, on both databases.
TABLES = ("users", "memberships", "sessions", "api_keys")


def old_tables() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table("organizations", metadata, sa.Column("id", sa.Uuid(), primary_key=True))
    sa.Table(
        "users",
        metadata,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_users_organization_id_organizations",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.Index("ix_users_organization_id", "organization_id"),
    )
    sa.Table(
        "api_keys",
        metadata,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *_key_columns(),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_api_keys_organization_id_organizations",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_api_keys_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.Index("ix_api_keys_organization_id", "organization_id"),
        sa.Index("ix_api_keys_prefix", "prefix"),
    )
    sa.Table(
        "sessions",
        metadata,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *_session_columns(),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_sessions_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.Index("ix_sessions_user_id", "user_id"),
    )
    return metadata


def new_tables() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table("organizations", metadata, sa.Column("id", sa.Uuid(), primary_key=True))
    sa.Table(
        "users",
        metadata,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    sa.Table(
        "memberships",
        metadata,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("invitation_hash", sa.String(length=255), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("joined_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_memberships_organization_id_organizations",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_memberships_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_memberships"),
        sa.UniqueConstraint(
            "organization_id", "user_id", name="uq_memberships_organization_id_user_id"
        ),
        sa.Index("ix_memberships_user_id", "user_id"),
    )
    sa.Table(
        "sessions",
        metadata,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        *_session_columns(),
        sa.ForeignKeyConstraint(
            ["membership_id"],
            ["memberships.id"],
            name="fk_sessions_membership_id_memberships",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.Index("ix_sessions_membership_id", "membership_id"),
        sa.Index("ix_sessions_last_seen_at", "last_seen_at"),
    )
    sa.Table(
        "api_keys",
        metadata,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        *_key_columns(),
        sa.ForeignKeyConstraint(
            ["membership_id"],
            ["memberships.id"],
            name="fk_api_keys_membership_id_memberships",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.Index("ix_api_keys_membership_id", "membership_id"),
        sa.Index("ix_api_keys_prefix", "prefix"),
    )
    return metadata


def upgrade() -> None:
    """Everybody becomes a member of their one organization; the membership has their id."""
    rows = _take(old_tables())
    members = [
        user | {"user_id": user["id"], "joined_at": user["created_at"], "invitation_hash": None}
        for user in rows["users"]
    ]
    for row in (*rows["sessions"], *rows["api_keys"]):
        row["membership_id"] = row["user_id"]
    _put(new_tables(), rows | {"memberships": members})


def downgrade() -> None:
    """Everybody stays in the organization that they joined first; who joined none goes."""
    rows = _take(new_tables())
    joined = [member for member in rows["memberships"] if member["joined_at"]]
    joined.sort(key=lambda member: member["joined_at"], reverse=True)
    first = {member["user_id"]: member for member in joined}
    rows["users"] = [first[user["id"]] | user for user in rows["users"] if user["id"] in first]
    members = {member["id"]: member for member in first.values()}
    for table in ("sessions", "api_keys"):
        rows[table] = [
            row | {name: members[row["membership_id"]][name] for name in ("user_id", "organization_id")}
            for row in rows[table]
            if row["membership_id"] in members
        ]
    _put(old_tables(), rows)


def _session_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=255), nullable=False),
    ]


def _key_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=True),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
    ]


def _ours(metadata: sa.MetaData) -> list[sa.Table]:
    return [metadata.tables[name] for name in TABLES if name in metadata.tables]


def _take(metadata: sa.MetaData) -> dict[str, list[dict[str, Any]]]:
    """Read the tables whole, and drop them."""
    connection, tables = op.get_bind(), _ours(metadata)
    rows = {
        table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        for table in tables
    }
    metadata.drop_all(connection, tables, checkfirst=False)
    return rows


def _put(metadata: sa.MetaData, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Make the tables and fill them; what a table has no column for is left out."""
    connection, tables = op.get_bind(), _ours(metadata)
    metadata.create_all(connection, tables, checkfirst=False)
    for table in tables:
        names = table.columns.keys()
        if rows[table.name]:
            connection.execute(
                sa.insert(table), [{name: row[name] for name in names} for row in rows[table.name]]
            )
