"""teams and the service desk"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

Identity64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Folded = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", Folded, nullable=False),
        sa.Column("parent_id", Identity64, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_teams_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_id"], ["teams.id"], name=op.f("fk_teams_parent_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("app_id", "name_key", name=op.f("uq_teams_app_id_name_key")),
        sa.UniqueConstraint("uuid", name=op.f("uq_teams_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_teams_app_id_id"), "teams", ["app_id", "id"])
    op.create_index(op.f("ix_teams_parent_id"), "teams", ["parent_id"])
    op.create_table(
        "memos",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("author_id", Identity64, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_memos_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_memos_author_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memos_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memos")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_memos_app_id"), "memos", ["app_id"])
    op.create_index(op.f("ix_memos_author_id"), "memos", ["author_id"])
    op.create_index(op.f("ix_memos_user_id"), "memos", ["user_id"])
    op.create_table(
        "starred_customers",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("customer_id", Identity64, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["users.id"], name=op.f("fk_starred_customers_customer_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_starred_customers_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_starred_customers")),
        sa.UniqueConstraint("user_id", "customer_id", name=op.f("uq_starred_customers_user_id_customer_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_starred_customers_customer_id"), "starred_customers", ["customer_id"])
    op.create_index(op.f("ix_starred_customers_user_id"), "starred_customers", ["user_id"])
    op.create_table(
        "team_memberships",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("team_id", Identity64, nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_team_memberships_team_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_team_memberships_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_memberships")),
        sa.UniqueConstraint("team_id", "user_id", name=op.f("uq_team_memberships_team_id_user_id")),
        sa.UniqueConstraint("uuid", name=op.f("uq_team_memberships_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_team_memberships_user_id"), "team_memberships", ["user_id"])
    op.create_table(
        "user_infos",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_user_infos_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_infos_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_infos")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_user_infos_user_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_user_infos_app_id"), "user_infos", ["app_id"])
    op.create_index(op.f("ix_user_infos_user_id"), "user_infos", ["user_id"])
    op.create_table(
        "user_widget_settings",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_user_widget_settings_app_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_widget_settings_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_widget_settings")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_user_widget_settings_user_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_user_widget_settings_app_id"), "user_widget_settings", ["app_id"])
    op.create_index(op.f("ix_user_widget_settings_user_id"), "user_widget_settings", ["user_id"])
    op.create_table(
        "starred_channels",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("channel_id", Identity64, nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name=op.f("fk_starred_channels_channel_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_starred_channels_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_starred_channels")),
        sa.UniqueConstraint("user_id", "channel_id", name=op.f("uq_starred_channels_user_id_channel_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_starred_channels_channel_id"), "starred_channels", ["channel_id"])
    op.create_index(op.f("ix_starred_channels_user_id"), "starred_channels", ["user_id"])
    op.create_table(
        "supports",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("channel_id", Identity64, nullable=False),
        sa.Column("agent_id", Identity64, nullable=True),
        sa.Column("customer_id", Identity64, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["users.id"], name=op.f("fk_supports_agent_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_supports_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name=op.f("fk_supports_channel_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["users.id"], name=op.f("fk_supports_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supports")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_supports_agent_id"), "supports", ["agent_id"])
    op.create_index(op.f("ix_supports_app_id"), "supports", ["app_id"])
    op.create_index(op.f("ix_supports_channel_id"), "supports", ["channel_id"])
    op.create_index(op.f("ix_supports_customer_id"), "supports", ["customer_id"])
    op.create_table(
        "draft_messages",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("channel_id", Identity64, nullable=True),
        sa.Column("support_id", Identity64, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_draft_messages_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name=op.f("fk_draft_messages_channel_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["support_id"], ["supports.id"], name=op.f("fk_draft_messages_support_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_draft_messages_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_messages")),
        sa.UniqueConstraint("user_id", "channel_id", name=op.f("uq_draft_messages_user_id_channel_id")),
        sa.UniqueConstraint("user_id", "support_id", name=op.f("uq_draft_messages_user_id_support_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_draft_messages_app_id"), "draft_messages", ["app_id"])
    op.create_index(op.f("ix_draft_messages_channel_id"), "draft_messages", ["channel_id"])
    op.create_index(op.f("ix_draft_messages_support_id"), "draft_messages", ["support_id"])
    op.create_index(op.f("ix_draft_messages_user_id"), "draft_messages", ["user_id"])


def downgrade() -> None:
    for table in ("team_memberships", "teams", "draft_messages", "supports", "memos"):
        op.drop_table(table)
    for table in ("starred_channels", "starred_customers", "user_infos", "user_widget_settings"):
        op.drop_table(table)
