"""accounts: their life cycle, identities, access tokens, profiles, sign-ins and servers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatsrv.domain.users import fold_case

Identity64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Folded = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", Folded, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("last_app_id", sa.String(length=63), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["last_app_id"], ["apps.id"], name=op.f("fk_identities_last_app_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("email_key", name=op.f("uq_identities_email_key")),
        sa.UniqueConstraint("uuid", name=op.f("uq_identities_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_identities_last_app_id"), "identities", ["last_app_id"])
    op.create_table(
        "access_tokens",
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_access_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_access_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_access_tokens_token_hash")),
    )
    op.create_table(
        "bearers",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("identity_id", Identity64, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_bearers_identity_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_bearers")),
    )
    op.create_index(op.f("ix_bearers_expires_at"), "bearers", ["expires_at"])
    op.create_index(op.f("ix_bearers_identity_id"), "bearers", ["identity_id"])
    op.create_table(
        "identity_users",
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("identity_id", Identity64, nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_identity_users_identity_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identity_users_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_identity_users")),
    )
    op.create_index(op.f("ix_identity_users_identity_id"), "identity_users", ["identity_id"])
    op.create_table(
        "invitations",
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_invitations_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(op.f("ix_invitations_expires_at"), "invitations", ["expires_at"])
    op.create_table(
        "servers",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner_id", Identity64, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_servers_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_servers_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servers")),
        sa.UniqueConstraint("app_id", "uuid", name=op.f("uq_servers_app_id_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_servers_app_id_id"), "servers", ["app_id", "id"])
    op.create_index(op.f("ix_servers_owner_id"), "servers", ["owner_id"])
    op.create_table(
        "sign_ins",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("was_hidden", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_sign_ins_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sign_ins_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sign_ins_app_id"), "sign_ins", ["app_id"])
    op.create_index(op.f("ix_sign_ins_created_at"), "sign_ins", ["created_at"])
    op.create_index(op.f("ix_sign_ins_user_id_id"), "sign_ins", ["user_id", "id"])
    op.create_table(
        "profiles",
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("in_training", sa.Boolean(), nullable=False),
        sa.Column("max_support_count", sa.Integer(), nullable=True),
        sa.Column("sound_notification", sa.Boolean(), nullable=False),
        sa.Column("notification_email", sa.Text(), nullable=True),
        sa.Column("last_seen_location", sa.Text(), nullable=True),
        sa.Column("recent_channel_id", Identity64, nullable=True),
        sa.Column("info", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recent_channel_id"], ["channels.id"], name=op.f("fk_profiles_recent_channel_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_profiles_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profiles")),
    )
    op.create_index(op.f("ix_profiles_recent_channel_id"), "profiles", ["recent_channel_id"])
    op.add_column("channel_members", sa.Column("last_read_at", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "channel_members", sa.Column("unread_message_count", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("users", sa.Column("name_key", Folded, server_default=sa.text("''"), nullable=False))
    op.add_column("users", sa.Column("external_id_key", Folded, server_default=sa.text("''"), nullable=False))
    op.add_column("users", sa.Column("onboarding", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("users", sa.Column("discarded_at", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("users", sa.Column("freed_email_key", Folded, nullable=True))
    op.add_column("users", sa.Column("freed_external_id", sa.Text(), nullable=True))
    _fold("name")
    _fold("external_id")


def _fold(name: str) -> None:
    """It was not compared until now."""
    connection = op.get_bind()
    key = f"{name}_key"
    users = sa.table("users", sa.column("id"), sa.column(name), sa.column(key))
    given = connection.execute(sa.select(users.c.id, users.c[name]).where(users.c[name].is_not(None))).all()
    statement = users.update().where(users.c.id == sa.bindparam("b_id")).values({key: sa.bindparam("b_key")})
    if given:
        connection.execute(statement, [{"b_id": id_, "b_key": fold_case(text)} for id_, text in given])


def downgrade() -> None:
    for table in ("servers", "invitations", "bearers", "identity_users", "identities"):
        op.drop_table(table)
    for table in ("sign_ins", "profiles", "access_tokens"):
        op.drop_table(table)
    for name in ("last_read_at", "unread_message_count"):
        op.drop_column("channel_members", name)
    for name in ("name_key", "external_id_key", "onboarding", "discarded_at", "freed_email_key", "freed_external_id"):
        op.drop_column("users", name)
