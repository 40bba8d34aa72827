"""channels and their members"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

Identity64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("avatar", sa.Text(), nullable=True),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("owner_id", Identity64, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_channels_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_channels_owner_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("app_id", "uri", name=op.f("uq_channels_app_id_uri")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_channels_app_id_id"), "channels", ["app_id", "id"])
    op.create_index(op.f("ix_channels_owner_id"), "channels", ["owner_id"])
    op.create_table(
        "channel_members",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("channel_id", Identity64, nullable=False),
        sa.Column("user_id", Identity64, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name=op.f("fk_channel_members_channel_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_channel_members_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_members")),
        sa.UniqueConstraint("channel_id", "user_id", name=op.f("uq_channel_members_channel_id_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_channel_members_user_id"), "channel_members", ["user_id"])


def downgrade() -> None:
    op.drop_table("channel_members")
    op.drop_table("channels")
