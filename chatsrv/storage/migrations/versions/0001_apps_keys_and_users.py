"""apps, keys and users"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

Identity64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Folded = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "apps",
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("jwt_secret", sa.Text(), nullable=False),
        sa.Column("public_keys", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apps")),
    )
    op.create_table(
        "server_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("networks", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_server_keys_app_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_keys")),
    )
    op.create_index(op.f("ix_server_keys_app_id"), "server_keys", ["app_id"])

    op.create_table(
        "users",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("username_key", Folded, nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("first_name_key", Folded, nullable=False),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("last_name_key", Folded, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", Folded, nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("avatar", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("role_key", Folded, nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("last_login_at", sa.BigInteger(), nullable=False),
        sa.Column("last_active_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("presence_changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_users_app_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("app_id", "email_key", name=op.f("uq_users_app_id_email_key")),
        sa.UniqueConstraint("app_id", "external_id", name=op.f("uq_users_app_id_external_id")),
        sa.UniqueConstraint("app_id", "username_key", name=op.f("uq_users_app_id_username_key")),
        sa.UniqueConstraint("app_id", "uuid", name=op.f("uq_users_app_id_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_users_app_id_created_at_id"), "users", ["app_id", "created_at", "id"])
    op.create_index(op.f("ix_users_app_id_first_name_key_id"), "users", ["app_id", "first_name_key", "id"])
    op.create_index(op.f("ix_users_app_id_id"), "users", ["app_id", "id"])
    op.create_index(op.f("ix_users_app_id_last_login_at_id"), "users", ["app_id", "last_login_at", "id"])
    op.create_index(op.f("ix_users_app_id_last_name_key_id"), "users", ["app_id", "last_name_key", "id"])
    op.create_index(op.f("ix_users_app_id_updated_at_id"), "users", ["app_id", "updated_at", "id"])


def downgrade() -> None:

    op.drop_table("users")

    op.drop_table("server_keys")
    op.drop_table("apps")
